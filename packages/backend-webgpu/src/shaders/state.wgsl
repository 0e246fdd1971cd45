// Moves states between tensors [batch, rank, cols] and the padded layout [batch, 4·rank quads, column quads].

override THREADS: u32 = 64;
override MODE: u32 = 0; // 0: tensor → padded, 1: padded → tensor, 2: first of `stride` → padded where flagged, 3: padded → first of `stride`

struct Params {
  tensor: vec4<u32>, // index of the first element, batch stride, –, –
  rank: u32,
  cols: u32,
  stride: u32, // matrices kept per batch entry (MODE 2, 3)
  total: u32, // threads asked for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> flag: array<u32>; // [batch]
@group(0) @binding(3) var<storage, read_write> target_: array<f32>;

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
  let rank4 = 4u * ((params.rank + 3u) / 4u);
  let column = index % cols4;
  let row = (index / cols4) % rank4;
  let batch = index / cols4 / rank4;
  let inside = row < params.rank && column < params.cols;
  let at = params.tensor.x + batch * params.tensor.y + row * params.cols + column;
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
    case 3u: {
      target_[index + batch * (params.stride - 1u) * rank4 * cols4] = source[index];
    }
    default: {
      if (flag[batch] != 0u) {
        target_[index] = source[index + batch * (params.stride - 1u) * rank4 * cols4];
      }
    }
  }
}
