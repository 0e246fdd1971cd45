// Turns each chunk's G_cᵀ X_c into the state before the chunk, and `carry` into the state after the last. A decaying state is
// multiplied by a power of 2, which is exact, and the rest of its factor joins the sum; what is lost decays too.

override THREADS: u32 = 64;
override DECAY: u32 = 0; // 0: none; the state decays by one factor 1: a chunk, 2: a chunk and row of the state, 3: a chunk and column

struct Params {
  size: u32, // vec4 in one state
  chunks: u32,
  quads: u32, // of columns
  total: u32, // threads asked for: batch × size
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>; // [batch, chunks, size]
@group(0) @binding(2) var<storage, read_write> carry: array<vec4<f32>>; // [batch, size]
@group(0) @binding(3) var<storage, read_write> lost: array<vec4<f32>>; // by carry's roundings so far
@group(0) @binding(4) var<storage, read> factors: array<f32>; // from decay-rows: [batch, chunks, 2, as many as a chunk has]

// The factor of a chunk for four elements of the state: a power of 2, and a rest.
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
  var at = index / params.size * params.size * params.chunks + index % params.size;
  var sum = carry[index];
  // what the sum's roundings have lost goes into the next term (Kahan): otherwise it grows with n
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
