// G_cᵀ X_c for every chunk at once. A thread holds a 4×4 tile of one chunk's state.
// States are [batch, chunks, 4·rank quads, quads]. Below row `rank` they are zero.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;

struct Params {
  g: Operand, // in quads
  x: Operand,
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

//#include operand
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
  var g_at = start(params.g, batch) + first * params.g.row + k;
  var x_at = start(params.x, batch) + first * params.x.row + quad;
  var z#{j} = vec4<f32>(); //#for j in 0..4
  // eight rows are added before they meet the sum, which a chain of all would round once a row
  var i = 0u;
  //#for step in 8, 1
  for (; i + #{step}u <= rows; i += #{step}u) {
    let a#{t} = g[g_at + #{t}u * params.g.row]; //#for t in 0..step
    let v#{t} = x[x_at + #{t}u * params.x.row]; //#for t in 0..step
    z#{j} += #{terms(step, (t) => `a${t}.${lane(j)} * v${t}`)}; //#for j in 0..4
    g_at += #{step}u * params.g.row;
    x_at += #{step}u * params.x.row;
  }
  //#end
  let to = 4u * (chunk * rank_quads + k) * quads + quad;
  let left = params.rank - 4u * k;
  z[to] = z0;
  z[to + #{j}u * quads] = select(vec4<f32>(), z#{j}, left > #{j}u); //#for j in 1..4
}
