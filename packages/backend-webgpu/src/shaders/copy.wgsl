// into ← α source, or α sourceᵀ (TRANS), for arrays [batch, height, width] in any layout. Where the source, rows × cols in each batch entry,
// has no element, 0 is written: that is how rows are padded to whole quads.
// A thread owns one element of the target. A workgroup is THREADS of them, which share nothing; there is no workgroup memory.

override THREADS: u32 = 64;
override TRANS: bool = false;

struct Params {
  source: Operand,
  into: Operand,
  rows: u32, // rows of the source, or, with TRANS, of its transpose
  cols: u32,
  height: u32,
  width: u32,
  total: u32, // the threads that have work: batch × height × width
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> into: array<f32>;

//#include operand
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let column = index % params.width;
  let row = (index / params.width) % params.height;
  let batch = index / params.width / params.height;
  var value = 0.0;
  if (row < params.rows && column < params.cols) {
    let at = start(params.source, batch);
    value = params.alpha * source[at + select(row * params.source.row + column, column * params.source.row + row, TRANS)];
  }
  into[start(params.into, batch) + row * params.into.row + column] = value;
}
