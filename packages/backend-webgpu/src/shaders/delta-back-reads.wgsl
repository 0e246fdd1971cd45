// The gradient of what rows have read the state and the rows before them with, of all chunks at once: Q̄ and −P̄ of equation (30) of core's
// reference README, whose common form is
//   out_v = up_v ∘ (Y_v Zᵀ) + Σ_w C_vw E_vw ∘ K_w,   over w ≤ v (`diag` = 1) or w < v
// Q̄ is that with Y = Ō and C = Ō Uᵀ, and −P̄ with Y = B̄ and C = B̄ Uᵀ. up_v = exp(s_v) and E_vw = exp(s_v − s_w), with s from decay-chunks;
// where a row decays by one gap, E is in C already.
// Where every channel decays by itself, what comes from rows before the tile is formed relative to the tile's first row. Inside the tile
// all of it is multiplied by the factor of one row after the other, so no factor is above 1 unless the decay is growth.
// A thread owns eight rows of one chunk by one quad (four channels). A workgroup is THREADS such tiles, which share nothing; there is no
// workgroup memory, and what neighbours read in common comes from the cache.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;
override CHANNELS: bool = false; // whether every channel decays by gaps of its own
const CUT = 32u; // so many products make a sum of their own, so that no sum over the rank is one long chain

struct Params {
  y: Operand, // positions counted in quads of columns
  k: Operand, // positions counted in quads of channels
  rows: u32,
  rank: u32, // how many quads of channels there are
  quads: u32, // how many quads of columns there are
  chunks: u32,
  states: u32, // how many states z holds for each batch entry
  first_out: u32, // where the results begin in `out`, in quads
  diag: u32, // 1: the term w = v belongs to the sum
  by_row: u32, // 1: a row decays by one gap
  total: u32, // the threads that have work: batch × chunks × CHUNK / 8 × rank
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // C, column-major: a vec4 is four rows of one column
@group(0) @binding(2) var<storage, read> sums: array<vec4<f32>>; // s in two parts: [batch, rows, rank or 1, 2]
@group(0) @binding(3) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>; // [batch, states, 4·rank, quads]
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>; // [batch, rows, rank]

//#include operand
//#include between
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let rank = params.rank;
  let quads = params.quads;
  let quad = index % rank;
  let i = 8u * ((index / rank) % (CHUNK / 8u));
  let chunk = index / rank / (CHUNK / 8u); // counted over all batch entries
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  if (i >= rows) {
    return;
  }
  let left = rows - i;
  let t = chunk * CHUNK * (CHUNK / 4u) + i / 4u;
  let y_at = start(params.y, batch) + (first + i) * params.y.row;
  let k_at = start(params.k, batch) + first * params.k.row + quad;
  let here = batch * params.rows + first; // the chunk's first row, counted over all batch entries
  let out_at = params.first_out + (here + i) * rank + quad;
  let z_at = ((batch * params.states + chunk % params.chunks) * 4u * rank + 4u * quad) * quads;

  // Rows past the chunk's end repeat its last row, so that every load is inside the chunk; what they give is not stored.
  let y#{i} = y_at + min(#{i}u, left - 1u) * params.y.row; //#for i in 0..8
  var past#{i} = vec4<f32>(); //#for i in 0..8
  var j = 0u;
  while (j < quads) {
    var own#{i} = vec4<f32>(); //#for i in 0..8
    for (let end = min(j + CUT / 4u, quads); j < end; j++) {
      let z#{m} = z[z_at + #{m}u * quads + j]; //#for m in 0..4
      let a#{i} = y[y#{i} + j]; //#for i in 0..8
      own#{i} += vec4<f32>(dot(a#{i}, z0), dot(a#{i}, z1), dot(a#{i}, z2), dot(a#{i}, z3)); //#for i in 0..8
    }
    past#{i} += own#{i}; //#for i in 0..8
  }
  if (params.by_row == 1u) {
    let s#{i} = 2u * (here + i + min(#{i}u, left - 1u)); //#for i in 0..8
    //#for h in 0, 4
    let high#{h} = vec4<f32>(#{[0, 1, 2, 3].map((i) => `sums[s${h + i}].x`).join(", ")});
    let low#{h} = vec4<f32>(#{[0, 1, 2, 3].map((i) => `sums[s${h + i} + 1u].x`).join(", ")});
    let up#{h} = decay_by(high#{h}, low#{h});
    past#{h + i} *= up#{h}.#{lane(i)}; //#for i in 0..4
    //#end
  }
  if (CHANNELS) {
    let s = 2u * ((here + i) * rank + quad);
    let up = decay_by(sums[s], sums[s + 1u]);
    past#{i} *= up; //#for i in 0..8
  }

  // The chunk's own sum starts at 0 and is kept apart, as in apply-chunk.
  var sum#{i} = vec4<f32>(); //#for i in 0..8
  var next = k_at;
  var w = 0u;
  while (w < i) {
    var own#{q} = vec4<f32>(); //#for q in 0..8
    for (let end = min(w + 16u, i); w < end; w += 4u) {
      //#for m in 0..4
      let a#{m} = coupling[t + (w + #{m}u) * (CHUNK / 4u)];
      let b#{m} = coupling[t + (w + #{m}u) * (CHUNK / 4u) + 1u];
      var v#{m} = k[next + #{m}u * params.k.row];
      if (CHANNELS) {
        v#{m} *= between(here + w + #{m}u, here + i, quad);
      }
      //#end
      own#{q} += #{terms(4, (m) => `${q < 4 ? "a" : "b"}${m}.${lane(q)} * v${m}`)}; //#for q in 0..8
      next += 4u * params.k.row;
    }
    sum#{q} += own#{q}; //#for q in 0..8
  }
  var own#{q} = vec4<f32>(); //#for q in 0..8
  //#for s in 0..8
  if (left == #{s}u) {
    return;
  }
  let v#{s} = k[next + #{s}u * params.k.row];
  let a#{s} = coupling[t + (i + #{s}u) * (CHUNK / 4u)];
  let b#{s} = coupling[t + (i + #{s}u) * (CHUNK / 4u) + 1u];
  if (params.diag == 1u) {
    own#{s} += #{s < 4 ? "a" : "b"}#{s}.#{lane(s)} * v#{s};
  }
  out[out_at + #{s}u * rank] = past#{s} + (sum#{s} + own#{s});
  own#{q} += #{q < 4 ? "a" : "b"}#{s}.#{lane(q)} * v#{s}; //#for q in s + 1..8
  if (CHANNELS && left > #{s + 1}u) {
    let step = between(here + i + #{s}u, here + i + #{s + 1}u, quad);
    //#for q in s + 1..8
    past#{q} *= step;
    sum#{q} *= step;
    own#{q} *= step;
    //#end
  }
  //#end
}
