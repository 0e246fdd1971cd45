// X = T_cc⁻¹ R for every chunk at once, by substitution over 16-row blocks with the 16×16 inverses
// that chunk-matrix left on the diagonal of tcc. R is B (X = U), F (X = W) or I (X = T_cc⁻¹).
// A thread owns four columns of one chunk from top to bottom, so nothing needs a barrier.
// Rows of X are in the order visited.

override CHUNK: u32 = 64;
override IDENTITY: bool = false; // R = I, CHUNK columns
override THREADS: u32 = 64;
override QUADS: u32 = CHUNK / 4u;

const BLOCK = 16u;

struct Params {
  rhs: vec4<u32>, // in quads: index of the first row visited, batch stride, row stride (modulo 2³²), –
  rows: u32,
  quads: u32,
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × quads of columns
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tcc: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> rhs: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>>; // [batch, rows, quads]

fn load(at: u32, row: u32, quad: u32) -> vec4<f32> {
  if (IDENTITY) {
    let column = 4u * quad;
    return select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(column, column + 1u, column + 2u, column + 3u) == vec4<u32>(row));
  }
  return rhs[at + row * params.rhs.z + quad];
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
  let chunk = index / quads; // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let t = chunk * CHUNK * QUADS; // this chunk's matrix; column j at t + j·QUADS
  let begin = params.rhs.x + batch * params.rhs.y + first * params.rhs.z;
  let to = (batch * params.rows + first) * quads + quad; // row i of X at to + i·quads

  for (var top = 0u; top < rows; top += BLOCK) {
    let end = min(top + BLOCK, rows);
    // R − Σ_{j < top} T_ij X_j, kept where X will be; eight rows at a time, those past the end repeat the last
    for (var i = top; i < end; i += 8u) {
      let last = end - 1u;
      var r0 = load(begin, i, quad);
      var r1 = load(begin, min(i + 1u, last), quad);
      var r2 = load(begin, min(i + 2u, last), quad);
      var r3 = load(begin, min(i + 3u, last), quad);
      var r4 = load(begin, min(i + 4u, last), quad);
      var r5 = load(begin, min(i + 5u, last), quad);
      var r6 = load(begin, min(i + 6u, last), quad);
      var r7 = load(begin, min(i + 7u, last), quad);
      var a_at = t + i / 4u;
      var v_at = to;
      for (var j = 0u; j < top; j += 2u) {
        let a = tcc[a_at];
        let b = tcc[a_at + 1u];
        let c = tcc[a_at + QUADS];
        let d = tcc[a_at + QUADS + 1u];
        let v = x[v_at];
        let w = x[v_at + quads];
        a_at += 2u * QUADS;
        v_at += 2u * quads;
        r0 -= a.x * v + c.x * w;
        r1 -= a.y * v + c.y * w;
        r2 -= a.z * v + c.z * w;
        r3 -= a.w * v + c.w * w;
        r4 -= b.x * v + d.x * w;
        r5 -= b.y * v + d.y * w;
        r6 -= b.z * v + d.z * w;
        r7 -= b.w * v + d.w * w;
      }
      let left = end - i;
      x[to + i * quads] = r0;
      if (left > 1u) {
        x[to + (i + 1u) * quads] = r1;
      }
      if (left > 2u) {
        x[to + (i + 2u) * quads] = r2;
      }
      if (left > 3u) {
        x[to + (i + 3u) * quads] = r3;
      }
      if (left > 4u) {
        x[to + (i + 4u) * quads] = r4;
      }
      if (left > 5u) {
        x[to + (i + 5u) * quads] = r5;
      }
      if (left > 6u) {
        x[to + (i + 6u) * quads] = r6;
      }
      if (left > 7u) {
        x[to + (i + 7u) * quads] = r7;
      }
    }
    // times the block's inverse: from the last rows up, since each row needs only those above it
    for (var i = top + ((end - top - 1u) & ~3u); ; i -= 4u) {
      var r0 = vec4<f32>();
      var r1 = vec4<f32>();
      var r2 = vec4<f32>();
      var r3 = vec4<f32>();
      for (var j = top; j < i; j++) {
        let a = tcc[t + j * QUADS + i / 4u];
        let v = x[to + j * quads];
        r0 += a.x * v;
        r1 += a.y * v;
        r2 += a.z * v;
        r3 += a.w * v;
      }
      let left = end - i;
      let a0 = tcc[t + i * QUADS + i / 4u];
      let v0 = x[to + i * quads];
      x[to + i * quads] = r0 + a0.x * v0;
      if (left > 1u) {
        let a1 = tcc[t + (i + 1u) * QUADS + i / 4u];
        let v1 = x[to + (i + 1u) * quads];
        x[to + (i + 1u) * quads] = r1 + a0.y * v0 + a1.y * v1;
        if (left > 2u) {
          let a2 = tcc[t + (i + 2u) * QUADS + i / 4u];
          let v2 = x[to + (i + 2u) * quads];
          x[to + (i + 2u) * quads] = r2 + a0.z * v0 + a1.z * v1 + a2.z * v2;
          if (left > 3u) {
            let a3 = tcc[t + (i + 3u) * QUADS + i / 4u];
            let v3 = x[to + (i + 3u) * quads];
            x[to + (i + 3u) * quads] = r3 + a0.w * v0 + a1.w * v1 + a2.w * v2 + a3.w * v3;
          }
        }
      }
      if (i == top) {
        break;
      }
    }
  }
}
