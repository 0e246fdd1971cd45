// G_cᵀ X_c for every chunk at once. A thread holds a 4×4 tile of one chunk's state.
// States are padded: [batch, chunks, 4·rank quads, column quads], zeros below row `rank`.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;

struct Params {
  g: vec4<u32>, // index of the first row visited, batch stride, row stride (modulo 2³²), –
  x: vec4<u32>,
  rows: u32,
  rank: u32,
  cols: u32,
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × rank quads × column quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<vec4<f32>>;

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
  let quads = (params.cols + 3u) / 4u;
  let rank_quads = (params.rank + 3u) / 4u;
  let quad = index % quads;
  let k = 4u * ((index / quads) % rank_quads);
  let chunk = index / quads / rank_quads; // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  var g_at = params.g.x + batch * params.g.y + first * params.g.z + k;
  var x_at = params.x.x + batch * params.x.y + first * params.x.z + 4u * quad;
  var z0 = vec4<f32>();
  var z1 = vec4<f32>();
  var z2 = vec4<f32>();
  var z3 = vec4<f32>();
  for (var i = 0u; i < rows; i++) {
    // past the last row or column this reads what is not kept
    let v = vec4<f32>(x[x_at], x[x_at + 1u], x[x_at + 2u], x[x_at + 3u]);
    z0 += g[g_at] * v;
    z1 += g[g_at + 1u] * v;
    z2 += g[g_at + 2u] * v;
    z3 += g[g_at + 3u] * v;
    g_at += params.g.z;
    x_at += params.x.z;
  }
  let to = (chunk * 4u * rank_quads + k) * quads + quad;
  let left = params.rank - k;
  z[to] = z0;
  z[to + quads] = select(vec4<f32>(), z1, left > 1u);
  z[to + 2u * quads] = select(vec4<f32>(), z2, left > 2u);
  z[to + 3u * quads] = select(vec4<f32>(), z3, left > 3u);
}
