// The gradient of what rows have contributed to later rows of their chunk and to the state after it, of all chunks at once: K̄ of equation
// (30) of core's reference README, whose general form here is
//   out_w = dn_w ∘ (X_w Z̄ᵀ) + Σ_{v≥w} C_vw E_vw ∘ F_v − Σ_{v>w} D_vw E_vw ∘ G_v
// K̄ is that with X = U, C = Ō Uᵀ, F = Q, D = B̄ Uᵀ and G = P. dn_w = exp(C_last − s_w) and E_vw = exp(s_v − s_w), with s from decay-chunks;
// where a row decays by one gap, E is in C and D already. Without a state (STATE = false) only the first sum is formed: Mᵀ Ō.
// Where every channel decays by itself, what comes from rows after the tile is formed relative to the tile's last row. Inside the tile all
// of it is multiplied by the factor of one row after the other, so no factor is above 1 unless the decay is growth.
// A thread owns eight rows of one chunk by one quad (four channels). A workgroup is THREADS such tiles, which share nothing; there is no
// workgroup memory, and what neighbours read in common comes from the cache.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;
override STATE: bool = true; // false: only the first sum over the rows of the chunk is formed
override CHANNELS: bool = false; // whether every channel decays by gaps of its own
const CUT = 32u; // so many products make a sum of their own, so that no sum over the rank is one long chain

struct Params {
  f: Operand, // positions counted in quads of channels
  g: Operand,
  x: Operand, // positions counted in quads of columns
  rows: u32,
  rank: u32, // how many quads of channels there are
  quads: u32, // how many quads of columns there are
  chunks: u32,
  first_out: u32, // where the results begin in `out`, in quads
  by_row: u32, // 1: a row decays by one gap
  total: u32, // the threads that have work: batch × chunks × CHUNK / 8 × rank
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> first_coupling: array<vec4<f32>>; // C, column-major: a vec4 is four rows of one column
@group(0) @binding(2) var<storage, read> second_coupling: array<vec4<f32>>; // D
@group(0) @binding(3) var<storage, read> sums: array<vec4<f32>>; // s in two parts: [batch, rows, rank or 1, 2]
@group(0) @binding(4) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> z: array<vec4<f32>>; // Z̄ after every chunk, [batch, chunks, 4·rank, quads]
@group(0) @binding(8) var<storage, read_write> out: array<vec4<f32>>; // [batch, rows, rank]

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
  let t = (chunk * CHUNK + i) * (CHUNK / 4u); // where the tile's first column begins in C and D
  let f_at = start(params.f, batch) + first * params.f.row + quad;
  let g_at = start(params.g, batch) + first * params.g.row + quad;
  let here = batch * params.rows + first; // the chunk's first row, counted over all batch entries
  let out_at = params.first_out + (here + i) * rank + quad;

  var past#{i} = vec4<f32>(); //#for i in 0..8
  if (STATE) {
    let x_at = start(params.x, batch) + (first + i) * params.x.row;
    let z_at = (chunk * 4u * rank + 4u * quad) * quads;
    // Rows past the chunk's end repeat its last row, so that every load is inside the chunk; what they give is not stored.
    let x#{i} = x_at + min(#{i}u, left - 1u) * params.x.row; //#for i in 0..8
    var j = 0u;
    while (j < quads) {
      var own#{i} = vec4<f32>(); //#for i in 0..8
      for (let end = min(j + CUT / 4u, quads); j < end; j++) {
        let z#{m} = z[z_at + #{m}u * quads + j]; //#for m in 0..4
        let a#{i} = x[x#{i} + j]; //#for i in 0..8
        own#{i} += vec4<f32>(dot(a#{i}, z0), dot(a#{i}, z1), dot(a#{i}, z2), dot(a#{i}, z3)); //#for i in 0..8
      }
      past#{i} += own#{i}; //#for i in 0..8
    }
    if (params.by_row == 1u) {
      let end = 2u * (here + rows - 1u);
      let s#{i} = 2u * (here + i + min(#{i}u, left - 1u)); //#for i in 0..8
      //#for h in 0, 4
      let high#{h} = sums[end] - vec4<f32>(#{[0, 1, 2, 3].map((i) => `sums[s${h + i}].x`).join(", ")});
      let low#{h} = sums[end + 1u] - vec4<f32>(#{[0, 1, 2, 3].map((i) => `sums[s${h + i} + 1u].x`).join(", ")});
      let down#{h} = decay_by(high#{h}, low#{h});
      past#{h + i} *= down#{h}.#{lane(i)}; //#for i in 0..4
      //#end
    }
    if (CHANNELS) {
      let down = between(here + i + min(7u, left - 1u), here + rows - 1u, quad);
      past#{i} *= down; //#for i in 0..8
    }
  }

  // The chunk's own sum starts at 0 and is kept apart, as in apply-chunk.
  var sum#{i} = vec4<f32>(); //#for i in 0..8
  var v = i + 8u;
  while (v < rows) {
    var own#{q} = vec4<f32>(); //#for q in 0..8
    for (let end = min(v + 16u, rows); v < end; v += 4u) {
      // The coupling may hold anything past the last row, and 0 times NaN is not 0: so rows past it are left out by select.
      //#for m in 0..4
      let row#{m} = min(v + #{m}u, rows - 1u);
      var f#{m} = f[f_at + row#{m} * params.f.row];
      var g#{m} = vec4<f32>();
      if (STATE) {
        g#{m} = -g[g_at + row#{m} * params.g.row];
      }
      if (CHANNELS) {
        let factor = between(here + i + 7u, here + row#{m}, quad);
        f#{m} *= factor;
        g#{m} *= factor;
      }
      f#{m} = select(vec4<f32>(), f#{m}, vec4<bool>(v + #{m}u < rows));
      g#{m} = select(vec4<f32>(), g#{m}, vec4<bool>(v + #{m}u < rows));
      //#end
      //#for q in 0..8
      let a#{q} = first_coupling[t + #{q}u * (CHUNK / 4u) + v / 4u];
      own#{q} += #{terms(4, (m) => `a${q}.${lane(m)} * f${m}`)};
      if (STATE) {
        let b#{q} = second_coupling[t + #{q}u * (CHUNK / 4u) + v / 4u];
        own#{q} += #{terms(4, (m) => `b${q}.${lane(m)} * g${m}`)};
      }
      //#end
    }
    sum#{q} += own#{q}; //#for q in 0..8
  }
  var own#{q} = vec4<f32>(); //#for q in 0..8
  //#for h in 0, 1
  //#for q in 0..4 * h + 4
  let a#{q}_#{h} = first_coupling[t + #{q}u * (CHUNK / 4u) + i / 4u + #{h}u];
  var b#{q}_#{h} = vec4<f32>();
  //#end
  //#end
  if (STATE) {
    //#for h in 0, 1
    b#{q}_#{h} = second_coupling[t + #{q}u * (CHUNK / 4u) + i / 4u + #{h}u]; //#for q in 0..4 * h + 4
    //#end
  }
  //#for s in 7, 6, 5, 4, 3, 2, 1, 0
  if (left > #{s}u) {
    let f0 = f[f_at + (i + #{s}u) * params.f.row];
    own#{q} += a#{q}_#{s >> 2}.#{lane(s)} * f0; //#for q in 0..s + 1
    if (STATE) {
      let g0 = g[g_at + (i + #{s}u) * params.g.row];
      own#{q} -= b#{q}_#{s >> 2}.#{lane(s)} * g0; //#for q in 0..s
    }
    out[out_at + #{s}u * rank] = past#{s} + (sum#{s} + own#{s});
    if (CHANNELS && #{s}u > 0u) {
      let step = between(here + i + #{s}u - 1u, here + i + #{s}u, quad);
      //#for q in 0..s
      past#{q} *= step;
      sum#{q} *= step;
      own#{q} *= step;
      //#end
    }
  }
  //#end
}
