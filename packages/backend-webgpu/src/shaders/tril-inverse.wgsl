// The inverses X of lower triangular blocks A of up to 128 rows, by forward substitution: equation (11) of core's reference README, 16 rows
// of X at a time. First all threads form what the rows above contribute, a thread per element, and then each thread substitutes inside
// the 16×16 block, a thread per column. That takes two barriers for 16 rows. Merging the inverses of halves (12) takes fewer, but multiplies the
// errors of both halves: it left 4.9 ε on correlated keys, where the limit is 4.
// A workgroup owns SLOTS blocks, and THREADS / SLOTS threads one of them together. Rows of X are shared through the buffer `out`, where they
// belong; there is no workgroup memory.

override THREADS: u32 = 64;
override SLOTS: u32 = 1; // how many blocks a workgroup owns

const BLOCK = 16u; // so many rows of X are solved for at a time

struct Params {
  a: Operand,
  out: Operand,
  size: u32, // rows of a block
  count: u32, // how many blocks there are
  total: u32, // the workgroups that have work
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

//#include operand
// Sums are compensated: the limit for these inverses, 4 ε (25), leaves no room for a chain of 128 products.
//#include plus

// Forms minus what the rows above `top` contribute to element (i, j) of A X, and leaves it where X's element will be.
fn above(a_at: u32, x_at: u32, top: u32, i: u32, j: u32) {
  var sum = vec2<f32>();
  for (var m = j; m < top; m++) {
    sum = plus(sum, -a[a_at + i * params.a.row + m] * out[x_at + m * params.out.row + j]);
  }
  out[x_at + i * params.out.row + j] = sum.x;
}

// Solves for rows `top` to `end` − 1 of one column of X.
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

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
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
