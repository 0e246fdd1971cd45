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
@group(0) @binding(3) var<storage, read_write> lost: array<vec4<f32>>; // by carry's roundings so far

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
    let own = z[at] + missing;
    z[at] = sum;
    let next = sum + own;
    missing = own - (next - sum);
    sum = next;
    at += params.size;
  }
  carry[index] = sum;
  lost[index] = missing;
}
