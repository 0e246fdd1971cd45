// Carries the state through the chunks of a product: the sums over chunks of equation (5) of core's reference README,
//   Z ← diag(A) Z + G_cᵀ X_c
// In `z` the product of each chunk, which apply-state has formed, is replaced by the state before that chunk; `carry` becomes the state
// after the last. The chunk's factor A is a power of two, by which the state is multiplied exactly, and a rest, whose product with the
// state joins the sum. What the roundings of the state have lost is added to the next term (Kahan), and decays as the state does.
// A thread owns one quad (four columns) of one row of one batch entry's state, and walks all chunks. A workgroup is THREADS such quads,
// which share nothing; there is no workgroup memory.

override THREADS: u32 = 64;
override DECAY: u32 = 0; // 0: nothing decays; else the state decays by one factor a chunk (1), a chunk and row (2), or a chunk and column (3)

struct Params {
  size: u32, // how many vec4 one state takes
  chunks: u32,
  quads: u32, // how many quads of columns there are
  total: u32, // the threads that have work: batch × size
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>; // [batch, chunks, size]
@group(0) @binding(2) var<storage, read_write> carry: array<vec4<f32>>; // [batch, size]
@group(0) @binding(3) var<storage, read_write> lost: array<vec4<f32>>; // what the roundings of `carry` have lost so far
@group(0) @binding(4) var<storage, read> factors: array<f32>; // from decay-chunks: [batch, chunks, power and rest, as many as a chunk has]

// The factor of a chunk for four elements of the state is power + rest, where power is a power of two.
struct Factor {
  power: vec4<f32>,
  rest: vec4<f32>,
}

fn factor_of(index: u32, chunk: u32) -> Factor {
  let quads = params.quads;
  let width = select(select(4u * quads, params.size / quads, DECAY == 2u), 1u, DECAY == 1u);
  var at = 2u * width * (index / params.size * params.chunks + chunk);
  if (DECAY == 3u) {
    at += 4u * (index % quads);
    return Factor(
      vec4<f32>(#{[0, 1, 2, 3].map((j) => `factors[at + ${j}u]`).join(", ")}),
      vec4<f32>(#{[0, 1, 2, 3].map((j) => `factors[at + width + ${j}u]`).join(", ")}),
    );
  }
  at += select(0u, index % params.size / quads, DECAY == 2u);
  return Factor(vec4<f32>(factors[at]), vec4<f32>(factors[at + width]));
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  var at = index / params.size * params.size * params.chunks + index % params.size;
  var sum = carry[index];
  // What the sum's roundings have lost goes into the next term (Kahan): otherwise the error grows with n.
  var missing = lost[index];
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    var before = sum;
    var own = z[at] + missing;
    if (DECAY != 0u) {
      let factor = factor_of(index, chunk);
      own = z[at] + factor.rest * sum + factor.power * missing;
      before = factor.power * sum;
    }
    z[at] = sum;
    sum = before + own;
    missing = own - (sum - before);
    at += params.size;
  }
  carry[index] = sum;
  lost[index] = missing;
}
