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

  var a#{j} = vec4<f32>(); // rows 0 to 3 of the tile's column #{j} //#for j in 0..8
  var b#{j} = vec4<f32>(); // rows 4 to 7 //#for j in 0..8
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
      let gt = transpose(mat4x4<f32>(g[gr.x], g[gr.y], g[gr.z], g[gr.w]));
      f_tile[to + #{i}u * STRIDE] = ft[#{i}]; //#for i in 0..4
      g_tile[to + #{i}u * STRIDE] = gt[#{i}]; //#for i in 0..4
    }
    workgroupBarrier();
    if (tj <= ti) {
      var own_a#{j} = vec4<f32>(); //#for j in 0..8
      var own_b#{j} = vec4<f32>(); //#for j in 0..8
      for (var m = 0u; m < 4u * width; m += 2u) {
        //#for i in 0..2
        let fa#{i} = f_tile[(m + #{i}u) * STRIDE + 2u * ti];
        let fb#{i} = f_tile[(m + #{i}u) * STRIDE + 2u * ti + 1u];
        let ga#{i} = g_tile[(m + #{i}u) * STRIDE + 2u * tj];
        let gb#{i} = g_tile[(m + #{i}u) * STRIDE + 2u * tj + 1u];
        //#end
        own_a#{j} += #{terms(2, (i) => `fa${i} * g${j < 4 ? "a" : "b"}${i}.${lane(j)}`)}; //#for j in 0..8
        own_b#{j} += #{terms(2, (i) => `fb${i} * g${j < 4 ? "a" : "b"}${i}.${lane(j)}`)}; //#for j in 0..8
      }
      a#{j} += own_a#{j}; //#for j in 0..8
      b#{j} += own_b#{j}; //#for j in 0..8
    }
    workgroupBarrier();
  }

  if (tj <= ti) {
    let to = index * CHUNK * QUADS + 8u * tj * QUADS + 2u * ti;
    //#for j in 0..8
    tcc[to + #{j}u * QUADS] = a#{j};
    tcc[to + #{j}u * QUADS + 1u] = b#{j};
    //#end
  }
}
