// The decay inside every chunk, of all chunks at once: up, dn and A of section 3 of core's reference README, multiplied into F and G. With
// C_v the sum of the gaps g over the chunk's rows visited up to v, and s_v = C_v (transposed s_v = C_{v−1}, because there a row reads the
// state before that decays), it writes for every row v
//   sums      s_v, in two parts
//   f_read    F_v ∘ exp(s_v): what row v reads the state before the chunk with
//   g_kept    G_v ∘ exp(C_last − s_v): what the chunk's end keeps of row v's contribution to the state
// and for the chunk the factor exp(C_last), as a power of two and a rest.
// A rounded sum of gaps would be off by more the longer it is, and its exponential with it. So every g is split into a multiple of 2⁻¹⁰,
// sums of which are exact, and a rest below 2⁻¹⁰. A g below −128 counts as −128, whose factor is exactly 0, as that of −∞ is.
// A thread owns one chunk by one quad (four columns) of F and G, and walks the rows twice: for C_last, and for the rest. A workgroup is
// THREADS such pieces, which share nothing; there is no workgroup memory.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;
override CHANNELS: bool = false; // true: every column of G decays by gaps of its own; false: a row decays by one gap
override TRANS: bool = false;
override READ: bool = true; // false: f_read is not wanted
override KEEP: bool = true; // false: nothing but f_read is wanted

struct Params {
  decay: Operand, // positions counted in elements
  f: Operand, // positions counted in quads
  g: Operand,
  rows: u32,
  cols: u32, // how many columns G has
  quads: u32,
  chunks: u32,
  total: u32, // the threads that have work: batch × chunks × quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> decay: array<f32>;
@group(0) @binding(2) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> f_read: array<vec4<f32>>; // [batch, rows, quads]
@group(0) @binding(5) var<storage, read_write> g_kept: array<vec4<f32>>; // [batch, rows, quads]
@group(0) @binding(6) var<storage, read_write> sums: array<vec4<f32>>; // [batch, rows, quads or 1, 2]
@group(0) @binding(7) var<storage, read_write> factors: array<f32>; // [batch, chunks, 2, 4·quads or 1]

//#include operand
//#include factor
struct Gap {
  high: vec4<f32>,
  low: vec4<f32>,
}

fn gap(at: u32, quad: u32) -> Gap {
  var all = vec4<f32>();
  if (CHANNELS) {
    //#for j in 0..4
    if (4u * quad + #{j}u < params.cols) {
      all.#{lane(j)} = decay[at + 4u * quad + #{j}u];
    }
    //#end
  } else {
    all = vec4<f32>(decay[at]);
  }
  // This is no clamp: of NaN and a number WGSL's min and max may give the number, and comparisons keep the NaN.
  all = select(all, vec4<f32>(-128.0), all < vec4<f32>(-128.0));
  all = select(all, vec4<f32>(128.0), all > vec4<f32>(128.0));
  let high = round(all * 1024.0) * 0.0009765625;
  return Gap(high, all - high);
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let quad = index % quads;
  let chunk = index / quads; // counted over all batch entries
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let at = start(params.decay, batch) + first * params.decay.row;

  var last = Gap(vec4<f32>(), vec4<f32>());
  for (var row = 0u; row < rows; row++) {
    let own = gap(at + row * params.decay.row, quad);
    last.high += own.high;
    last.low += own.low;
  }
  let through = exponential(last.high, last.low);
  // Where growth passes the largest number the factor is infinite. Its rest must then be 0: power + rest would be ∞ − ∞.
  let rest = select(through.power * through.beyond, vec4<f32>(), last.high > vec4<f32>(88.0));
  if (KEEP && CHANNELS) {
    let to = 8u * index - 4u * quad; // a chunk has 8 numbers for each quad: all its powers first, then all its rests
    //#for j in 0..4
    factors[to + #{j}u] = through.power.#{lane(j)};
    factors[to + 4u * quads + #{j}u] = rest.#{lane(j)};
    //#end
  } else if (KEEP && quad == 0u) {
    factors[2u * chunk] = through.power.x;
    factors[2u * chunk + 1u] = rest.x;
  }

  var sum = Gap(vec4<f32>(), vec4<f32>());
  let f_at = start(params.f, batch) + first * params.f.row + quad;
  let g_at = start(params.g, batch) + first * params.g.row + quad;
  for (var row = 0u; row < rows; row++) {
    let own = gap(at + row * params.decay.row, quad);
    let after = Gap(sum.high + own.high, sum.low + own.low);
    if (!TRANS) {
      sum = after;
    }
    let here = batch * params.rows + first + row;
    if (KEEP && CHANNELS) {
      sums[2u * (here * quads + quad)] = sum.high;
      sums[2u * (here * quads + quad) + 1u] = sum.low;
    } else if (KEEP && quad == 0u) {
      sums[2u * here] = sum.high;
      sums[2u * here + 1u] = sum.low;
    }
    if (READ) {
      f_read[here * quads + quad] = f[f_at + row * params.f.row] * decay_by(sum.high, sum.low);
    }
    if (KEEP) {
      g_kept[here * quads + quad] = g[g_at + row * params.g.row] * decay_by(last.high - sum.high, last.low - sum.low);
    }
    sum = after;
  }
}
