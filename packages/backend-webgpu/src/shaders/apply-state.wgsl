// Forms what each chunk adds to the state, G_cᵀ X_c of equation (5) of core's reference README, of all chunks at once.
// A thread owns four rows of one chunk's state by one quad (four columns), and walks the chunk's rows. A workgroup is THREADS such tiles,
// which share nothing; there is no workgroup memory. States lie as [batch, chunks, 4·rank quads, quads], and are zero from row `rank` on.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;

struct Params {
  g: Operand, // positions counted in quads
  x: Operand,
  rows: u32,
  rank: u32,
  quads: u32, // how many quads of columns there are
  chunks: u32,
  total: u32, // the threads that have work: batch × chunks × rank quads × quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> z: array<vec4<f32>>;

//#include operand
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let quad = index % quads;
  let rank_quads = (params.rank + 3u) / 4u;
  let k = (index / quads) % rank_quads;
  let chunk = index / quads / rank_quads; // counted over all batch entries
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  var g_at = start(params.g, batch) + first * params.g.row + k;
  var x_at = start(params.x, batch) + first * params.x.row + quad;
  var z#{j} = vec4<f32>(); //#for j in 0..4
  // Eight products make a sum of their own before they meet the rest: in one chain the sum would be rounded once a row.
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
