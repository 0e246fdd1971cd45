// G_cᵀ X_c for every chunk at once. A thread holds a 4×4 tile of one chunk's state.
// States are [batch, chunks, 4·rank quads, quads]. Below row `rank` they are zero.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;

struct Params {
  g: vec4<u32>, // in quads: index of the first row visited, batch stride, row stride (modulo 2³²), –
  x: vec4<u32>,
  rows: u32,
  rank: u32,
  quads: u32, // of columns
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × rank quads × quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
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
  let quads = params.quads;
  let quad = index % quads;
  let rank_quads = (params.rank + 3u) / 4u;
  let k = (index / quads) % rank_quads;
  let chunk = index / quads / rank_quads; // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  var g_at = params.g.x + batch * params.g.y + first * params.g.z + k;
  var x_at = params.x.x + batch * params.x.y + first * params.x.z + quad;
  var z0 = vec4<f32>();
  var z1 = vec4<f32>();
  var z2 = vec4<f32>();
  var z3 = vec4<f32>();
  for (var i = 0u; i < rows; i++) {
    let a = g[g_at];
    let v = x[x_at];
    z0 += a.x * v;
    z1 += a.y * v;
    z2 += a.z * v;
    z3 += a.w * v;
    g_at += params.g.z;
    x_at += params.x.z;
  }
  let to = 4u * (chunk * rank_quads + k) * quads + quad;
  let left = params.rank - 4u * k;
  z[to] = z0;
  z[to + quads] = select(vec4<f32>(), z1, left > 1u);
  z[to + 2u * quads] = select(vec4<f32>(), z2, left > 2u);
  z[to + 3u * quads] = select(vec4<f32>(), z3, left > 3u);
}
