// The same recursion as well as a software device can run it, for comparison: a column of the state per thread, so
// that nothing is reduced; q and k of a row are staged in workgroup memory.

const RANK = 64u;

@group(0) @binding(0) var<uniform> params: vec4<u32>; // rows, columns
@group(0) @binding(1) var<storage, read> diag: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> q_row: array<f32, RANK>;
var<workgroup> k_row: array<f32, RANK>;

@compute @workgroup_size(RANK)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
  let column = group.x * RANK + thread;
  var z: array<f32, RANK>;
  for (var i = 0u; i < params.x; i++) {
    let row = group.y * params.x + i;
    workgroupBarrier();
    q_row[thread] = q[row * RANK + thread];
    k_row[thread] = k[row * RANK + thread];
    workgroupBarrier();
    if (column < params.y) {
      var y = b[row * params.y + column];
      for (var m = 0u; m < RANK; m++) {
        y -= q_row[m] * z[m];
      }
      y /= diag[row];
      out[row * params.y + column] = y;
      for (var m = 0u; m < RANK; m++) {
        z[m] += k_row[m] * y;
      }
    }
  }
}
