// S = F_c G_cᵀ below the diagonal, one C×C matrix per chunk: T_cc without Λ. One chunk per workgroup, an 8×8
// tile per thread. tcc is column-major, four rows a vec4; on and above the diagonal of S nothing is defined.

override CHUNK: u32 = 64; // 16, 32 or 64
override THREADS: u32 = 64; // (CHUNK / 8)²
override QUADS: u32 = CHUNK / 4u;
override STRIDE: u32 = QUADS + 1u; // no two lanes of a store share a bank

const DEPTH = 16u; // columns of F and G staged at a time

struct Params {
  f: vec4<u32>, // in quads: index of the first row visited, batch stride, row stride (modulo 2³²), –
  g: vec4<u32>,
  rows: u32,
  rank: u32, // quads
  chunks: u32,
  total: u32, // workgroups asked for: batch × chunks
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> tcc: array<vec4<f32>>;

var<workgroup> f_tile: array<vec4<f32>, DEPTH * STRIDE>; // a column, four rows a vec4
var<workgroup> g_tile: array<vec4<f32>, DEPTH * STRIDE>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = group.x + group.y * groups.x;
  if (index >= params.total) {
    return;
  }
  let batch = index / params.chunks;
  let first = index % params.chunks * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let f_at = params.f.x + batch * params.f.y + first * params.f.z;
  let g_at = params.g.x + batch * params.g.y + first * params.g.z;
  let ti = thread / (CHUNK / 8u); // rows 8·ti …, columns 8·tj …
  let tj = thread % (CHUNK / 8u);

  var a0 = vec4<f32>(); // rows 0 to 3 of the tile's column 0
  var a1 = vec4<f32>();
  var a2 = vec4<f32>();
  var a3 = vec4<f32>();
  var a4 = vec4<f32>();
  var a5 = vec4<f32>();
  var a6 = vec4<f32>();
  var a7 = vec4<f32>();
  var b0 = vec4<f32>(); // rows 4 to 7
  var b1 = vec4<f32>();
  var b2 = vec4<f32>();
  var b3 = vec4<f32>();
  var b4 = vec4<f32>();
  var b5 = vec4<f32>();
  var b6 = vec4<f32>();
  var b7 = vec4<f32>();
  for (var depth = 0u; depth < params.rank; depth += DEPTH / 4u) {
    let width = min(DEPTH / 4u, params.rank - depth);
    for (var slot = thread; slot < width * QUADS; slot += THREADS) {
      // four rows by four columns, transposed; rows past the end repeat the last one
      let column = slot % width;
      let row = 4u * (slot / width);
      let step = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(rows - 1u));
      let fr = vec4<u32>(f_at + depth + column) + step * params.f.z;
      let gr = vec4<u32>(g_at + depth + column) + step * params.g.z;
      let to = 4u * column * STRIDE + slot / width;
      let ft = transpose(mat4x4<f32>(f[fr.x], f[fr.y], f[fr.z], f[fr.w]));
      f_tile[to] = ft[0];
      f_tile[to + STRIDE] = ft[1];
      f_tile[to + 2u * STRIDE] = ft[2];
      f_tile[to + 3u * STRIDE] = ft[3];
      let gt = transpose(mat4x4<f32>(g[gr.x], g[gr.y], g[gr.z], g[gr.w]));
      g_tile[to] = gt[0];
      g_tile[to + STRIDE] = gt[1];
      g_tile[to + 2u * STRIDE] = gt[2];
      g_tile[to + 3u * STRIDE] = gt[3];
    }
    workgroupBarrier();
    if (tj <= ti) {
      for (var m = 0u; m < 4u * width; m += 2u) {
        let fa = f_tile[m * STRIDE + 2u * ti];
        let fb = f_tile[m * STRIDE + 2u * ti + 1u];
        let ga = g_tile[m * STRIDE + 2u * tj];
        let gb = g_tile[m * STRIDE + 2u * tj + 1u];
        let fc = f_tile[(m + 1u) * STRIDE + 2u * ti];
        let fd = f_tile[(m + 1u) * STRIDE + 2u * ti + 1u];
        let gc = g_tile[(m + 1u) * STRIDE + 2u * tj];
        let gd = g_tile[(m + 1u) * STRIDE + 2u * tj + 1u];
        a0 += fa * ga.x + fc * gc.x;
        a1 += fa * ga.y + fc * gc.y;
        a2 += fa * ga.z + fc * gc.z;
        a3 += fa * ga.w + fc * gc.w;
        a4 += fa * gb.x + fc * gd.x;
        a5 += fa * gb.y + fc * gd.y;
        a6 += fa * gb.z + fc * gd.z;
        a7 += fa * gb.w + fc * gd.w;
        b0 += fb * ga.x + fd * gc.x;
        b1 += fb * ga.y + fd * gc.y;
        b2 += fb * ga.z + fd * gc.z;
        b3 += fb * ga.w + fd * gc.w;
        b4 += fb * gb.x + fd * gd.x;
        b5 += fb * gb.y + fd * gd.y;
        b6 += fb * gb.z + fd * gd.z;
        b7 += fb * gb.w + fd * gd.w;
      }
    }
    workgroupBarrier();
  }

  let out = index * CHUNK * QUADS;
  if (tj <= ti) {
    let to = out + 8u * tj * QUADS + 2u * ti;
    tcc[to] = a0;
    tcc[to + 1u] = b0;
    tcc[to + QUADS] = a1;
    tcc[to + QUADS + 1u] = b1;
    tcc[to + 2u * QUADS] = a2;
    tcc[to + 2u * QUADS + 1u] = b2;
    tcc[to + 3u * QUADS] = a3;
    tcc[to + 3u * QUADS + 1u] = b3;
    tcc[to + 4u * QUADS] = a4;
    tcc[to + 4u * QUADS + 1u] = b4;
    tcc[to + 5u * QUADS] = a5;
    tcc[to + 5u * QUADS + 1u] = b5;
    tcc[to + 6u * QUADS] = a6;
    tcc[to + 6u * QUADS + 1u] = b6;
    tcc[to + 7u * QUADS] = a7;
    tcc[to + 7u * QUADS + 1u] = b7;
  }
}
