// Y_c = α (Λ X_c + S_c X_c + F_c Z_c) for every chunk at once, S_c from chunk-matrix, Z_c from apply-prefix.
// A thread holds a 4×4 tile of Y and walks only the part of S below the diagonal.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;
override DIAG: bool = true; // else Λ = 0
override STATE: bool = true; // else Z_c = 0

struct Params {
  f: vec4<u32>, // in quads: index of the first row visited, batch stride, row stride (modulo 2³²), –
  x: vec4<u32>,
  diag: vec4<u32>, // in elements
  out: vec4<u32>,
  rows: u32,
  rank: u32,
  quads: u32, // of columns
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × CHUNK / 4 × quads
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tcc: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> diag: array<f32>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>; // [batch, chunks, 4·rank quads, quads]
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;

fn diagonal(at: u32, row: u32, value: vec4<f32>) -> vec4<f32> {
  if (DIAG) {
    return diag[at + row * params.diag.z] * value;
  }
  return vec4<f32>();
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = (group.x + group.y * groups.x) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let quad = index % quads;
  let i = 4u * ((index / quads) % (CHUNK / 4u));
  let chunk = index / quads / (CHUNK / 4u); // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  if (i >= rows) {
    return;
  }
  let left = rows - i;
  let t = chunk * CHUNK * (CHUNK / 4u) + i / 4u;
  let x_at = params.x.x + batch * params.x.y + first * params.x.z + quad;
  let f_at = params.f.x + batch * params.f.y + (first + i) * params.f.z;
  let d_at = params.diag.x + batch * params.diag.y + first * params.diag.z;
  let out_at = params.out.x + batch * params.out.y + first * params.out.z + quad;

  var y0 = vec4<f32>();
  var y1 = vec4<f32>();
  var y2 = vec4<f32>();
  var y3 = vec4<f32>();
  if (STATE) {
    // rows past the end repeat the last one; they are not kept
    let f1 = f_at + min(1u, left - 1u) * params.f.z;
    let f2 = f_at + min(2u, left - 1u) * params.f.z;
    let f3 = f_at + min(3u, left - 1u) * params.f.z;
    let rank_quads = (params.rank + 3u) / 4u;
    var next = chunk * 4u * rank_quads * quads + quad;
    for (var m = 0u; m < rank_quads; m++) {
      let z0 = z[next];
      let z1 = z[next + quads];
      let z2 = z[next + 2u * quads];
      let z3 = z[next + 3u * quads];
      next += 4u * quads;
      let a0 = f[f_at + m];
      let a1 = f[f1 + m];
      let a2 = f[f2 + m];
      let a3 = f[f3 + m];
      y0 += a0.x * z0 + a0.y * z1 + a0.z * z2 + a0.w * z3;
      y1 += a1.x * z0 + a1.y * z1 + a1.z * z2 + a1.w * z3;
      y2 += a2.x * z0 + a2.y * z1 + a2.z * z2 + a2.w * z3;
      y3 += a3.x * z0 + a3.y * z1 + a3.z * z2 + a3.w * z3;
    }
  }
  // the chunk's own sum apart: added to F Z term by term, it would be rounded at F Z's size every time
  let past0 = y0;
  let past1 = y1;
  let past2 = y2;
  let past3 = y3;
  y0 = vec4<f32>();
  y1 = vec4<f32>();
  y2 = vec4<f32>();
  y3 = vec4<f32>();
  var next = x_at;
  for (var j = 0u; j < i; j++) {
    let s = tcc[t + j * (CHUNK / 4u)];
    let v = x[next];
    next += params.x.z;
    y0 += s.x * v;
    y1 += s.y * v;
    y2 += s.z * v;
    y3 += s.w * v;
  }
  let v0 = x[next];
  out[out_at + i * params.out.z] = params.alpha * (past0 + (y0 + diagonal(d_at, i, v0)));
  if (left == 1u) {
    return;
  }
  let s0 = tcc[t + i * (CHUNK / 4u)];
  let v1 = x[next + params.x.z];
  out[out_at + (i + 1u) * params.out.z] = params.alpha * (past1 + (y1 + s0.y * v0 + diagonal(d_at, i + 1u, v1)));
  if (left == 2u) {
    return;
  }
  let s1 = tcc[t + (i + 1u) * (CHUNK / 4u)];
  let v2 = x[next + 2u * params.x.z];
  out[out_at + (i + 2u) * params.out.z] = params.alpha * (past2 + (y2 + s0.z * v0 + s1.z * v1 + diagonal(d_at, i + 2u, v2)));
  if (left == 3u) {
    return;
  }
  let s2 = tcc[t + (i + 2u) * (CHUNK / 4u)];
  let v3 = x[next + 3u * params.x.z];
  out[out_at + (i + 3u) * params.out.z] = params.alpha * (past3 + (y3 + s0.w * v0 + s1.w * v1 + s2.w * v2 + diagonal(d_at, i + 3u, v3)));
}
