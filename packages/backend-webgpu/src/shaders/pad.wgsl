// Copies rows between tensors, [batch, rows, cols], visited from the first row or from the last, and padded arrays,
// [batch, height, 4·quads], which have zeros where the tensor has nothing. A thread copies one element.

override THREADS: u32 = 64;
override MODE: u32 = 0; // 0: tensor to padded, 1: padded to tensor, 2: padded to the first of `stride` padded arrays

struct Params {
  tensor: vec4<u32>, // index of the first row visited, batch stride, row stride (modulo 2³²), –
  rows: u32,
  cols: u32,
  height: u32, // rows when padded
  stride: u32, // padded arrays kept per batch entry (MODE 2)
  total: u32, // threads asked for: batch × height × 4·quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> target_: array<f32>;

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
  let cols4 = 4u * ((params.cols + 3u) / 4u);
  let column = index % cols4;
  let row = (index / cols4) % params.height;
  let batch = index / cols4 / params.height;
  let inside = row < params.rows && column < params.cols;
  let at = params.tensor.x + batch * params.tensor.y + row * params.tensor.z + column;
  switch (MODE) {
    case 0u: {
      var value = 0.0;
      if (inside) {
        value = source[at];
      }
      target_[index] = value;
    }
    case 1u: {
      if (inside) {
        target_[at] = source[index];
      }
    }
    default: {
      target_[index + batch * (params.stride - 1u) * params.height * cols4] = source[index];
    }
  }
}
