// The shape that other WebGPU runtimes ship for such layers, for comparison: a workgroup walks the rows of one batch
// entry and tile of columns one by one, a thread per row of the state, q Z reduced over the threads in a tree.

const RANK = 64u;

@group(0) @binding(0) var<uniform> params: vec4<u32>; // rows, quads of columns
@group(0) @binding(1) var<storage, read> diag: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, RANK>;
var<workgroup> solved: vec4<f32>;

@compute @workgroup_size(RANK)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
  var z = vec4<f32>();
  for (var i = 0u; i < params.x; i++) {
    let row = group.y * params.x + i;
    sums[thread] = q[row * RANK + thread] * z;
    workgroupBarrier();
    for (var stride = RANK / 2u; stride > 0u; stride /= 2u) {
      if (thread < stride) {
        sums[thread] += sums[thread + stride];
      }
      workgroupBarrier();
    }
    if (thread == 0u) {
      let at = row * params.y + group.x;
      solved = (b[at] - sums[0]) / diag[row];
      out[at] = solved;
    }
    workgroupBarrier();
    z += k[row * RANK + thread] * solved;
  }
}
