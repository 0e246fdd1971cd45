// Turns each chunk's G_cᵀ X_c into the state before the chunk, and `carry` into the state after the last.

override THREADS: u32 = 64;

struct Params {
  size: u32, // vec4 in one state
  chunks: u32,
  total: u32, // threads asked for: batch × size
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>; // [batch, chunks, size]
@group(0) @binding(2) var<storage, read_write> carry: array<vec4<f32>>; // [batch, size]

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
  var lost = vec4<f32>(); // what the sum's roundings have lost goes into the next term (Kahan): they grow with n else
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    let own = z[at] + lost;
    z[at] = sum;
    let next = sum + own;
    lost = own - (next - sum);
    sum = next;
    at += params.size;
  }
  carry[index] = sum;
}
