// Inverses of lower triangular blocks, size ≤ 128, by forward substitution, 16 rows of X at a time: first what the rows
// above contribute, an element per thread, then the substitution inside the 16×16 block, a column per thread.
// SLOTS blocks a workgroup; two barriers for 16 rows. Merging the inverses of halves, X₂₁ = −X₂₂ (A₂₁ X₁₁), takes fewer
// barriers, but multiplies the errors of X₁₁ and X₂₂: it left 4.9 ε on correlated keys, where the limit is 4.

override THREADS: u32 = 64;
override SLOTS: u32 = 1;

const BLOCK = 16u;

struct Params {
  a: Operand,
  out: Operand,
  size: u32,
  count: u32, // blocks
  total: u32, // workgroups asked for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

//#include operand
// sums are compensated: the limit for these inverses, 4 ε, leaves no room for a chain of 128
//#include plus

// Minus what the rows above `top` contribute to element (i, j) of A X, waiting where X's element will be.
fn above(a_at: u32, x_at: u32, top: u32, i: u32, j: u32) {
  var sum = vec2<f32>();
  for (var m = j; m < top; m++) {
    sum = plus(sum, -a[a_at + i * params.a.row + m] * out[x_at + m * params.out.row + j]);
  }
  out[x_at + i * params.out.row + j] = sum.x;
}

// Rows `top` to `end` of one column of X.
fn substitute(a_at: u32, x_at: u32, top: u32, end: u32, column: u32) {
  let step = params.out.row;
  let begin = max(top, column);
  for (var i = begin; i < end; i++) {
    var sum = vec2<f32>(select(0.0, 1.0, i == column), 0.0);
    if (column < top) {
      sum.x = out[x_at + i * step + column];
    }
    for (var m = begin; m < i; m++) {
      sum = plus(sum, -a[a_at + i * params.a.row + m] * out[x_at + m * step + column]);
    }
    out[x_at + i * step + column] = sum.x / a[a_at + i * params.a.row + i];
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = group.x + group.y * groups.x;
  if (index >= params.total) {
    return;
  }
  let lanes = THREADS / SLOTS;
  let lane = thread % lanes;
  let block = index * SLOTS + thread / lanes;
  let live = block < params.count;
  let size = params.size;
  let a_at = start(params.a, block);
  let x_at = start(params.out, block);
  for (var top = 0u; top < size; top += BLOCK) {
    let end = min(top + BLOCK, size);
    let tasks = select(0u, (end - top) * top, live);
    for (var task = lane; task < tasks; task += lanes) {
      above(a_at, x_at, top, top + task / top, task % top);
    }
    storageBarrier();
    workgroupBarrier();
    for (var column = lane; column < select(0u, end, live); column += lanes) {
      substitute(a_at, x_at, top, end, column);
    }
    storageBarrier();
    workgroupBarrier();
  }
  let area = select(0u, size * size, live);
  for (var at = lane; at < area; at += lanes) {
    if (at % size > at / size) {
      out[x_at + at / size * params.out.row + at % size] = 0.0;
    }
  }
}
