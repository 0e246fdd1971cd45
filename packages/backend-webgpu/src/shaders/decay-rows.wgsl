// Decay inside every chunk at once. With C_v the sum of the gaps g of the chunk's rows visited up to v, and s_v = C_v (or,
// transposed, C_{v−1}: there a row reads the state before it decays), for every row v
//   sums      s_v, in two parts
//   f_read    F_v ∘ exp(s_v): what row v reads the state before the chunk with
//   g_kept    G_v ∘ exp(C_last − s_v): what is left of row v's contribution in the state after the chunk
// and for the chunk the factor exp(C_last), in two parts. A sum of gaps that is rounded would be off by more the longer
// it is, and so would its exponential. So every g is split: a multiple of 2⁻¹⁰, sums of which are exact, and
// the rest, below 2⁻¹⁰. A g below −128 counts as −128, whose factor is an exact 0 as that of −∞ is.
// A thread walks a chunk's rows for four columns of F and G. Arrays are in quads of columns.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;
override CHANNELS: bool = false; // a gap for every column of G, else one a row
override TRANS: bool = false;
override READ: bool = true; // else f_read is not wanted
override KEEP: bool = true; // else f_read alone is wanted

struct Params {
  decay: Operand, // in elements
  f: Operand, // in quads
  g: Operand,
  rows: u32,
  cols: u32, // of G
  quads: u32,
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × quads
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
  // by comparison, since the smaller of NaN and a number may be the number
  all = select(all, vec4<f32>(-128.0), all < vec4<f32>(-128.0));
  all = select(all, vec4<f32>(128.0), all > vec4<f32>(128.0));
  let high = round(all * 1024.0) * 0.0009765625;
  return Gap(high, all - high);
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
  let at = start(params.decay, batch) + first * params.decay.row;

  var last = Gap(vec4<f32>(), vec4<f32>());
  for (var row = 0u; row < rows; row++) {
    let own = gap(at + row * params.decay.row, quad);
    last.high += own.high;
    last.low += own.low;
  }
  let through = exponential(last.high, last.low);
  // beyond the largest number growth is infinite, and not ∞ − ∞
  let rest = select(through.power * through.beyond, vec4<f32>(), last.high > vec4<f32>(88.0));
  if (KEEP && CHANNELS) {
    let to = 8u * index - 4u * quad; // 8 quads of numbers a chunk: first 4 of powers
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
