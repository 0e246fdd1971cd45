// What other WebGPU runtimes ship for such layers: one workgroup per batch entry and tile of columns walks the
// rows one by one, y = (b − q Z) / λ, Z += kᵀ y, a column of Z per thread. For comparison only.
override RANK: u32 = 64;
override STAGED: bool = true; // q and k of a row through workgroup memory, as in those runtimes

@group(0) @binding(0) var<uniform> params: vec4<u32>; // rows, cols
@group(0) @binding(1) var<storage, read> diag: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> q_row: array<f32, RANK>;
var<workgroup> k_row: array<f32, RANK>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
  let rows = params.x;
  let cols = params.y;
  let column = group.x * 64u + thread;
  var z: array<f32, 64>;
  for (var i = 0u; i < rows; i++) {
    let row = group.y * rows + i;
    if (STAGED) {
      workgroupBarrier();
      for (var m = thread; m < RANK; m += 64u) {
        q_row[m] = q[row * RANK + m];
        k_row[m] = k[row * RANK + m];
      }
      workgroupBarrier();
    }
    if (column < cols) {
      var y = b[row * cols + column];
      for (var m = 0u; m < RANK; m++) {
        if (STAGED) {
          y -= q_row[m] * z[m];
        } else {
          y -= q[row * RANK + m] * z[m];
        }
      }
      y /= diag[row];
      out[row * cols + column] = y;
      for (var m = 0u; m < RANK; m++) {
        if (STAGED) {
          z[m] += k_row[m] * y;
        } else {
          z[m] += k[row * RANK + m] * y;
        }
      }
    }
  }
}
