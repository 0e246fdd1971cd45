// Where the rows of a tensor lie in a binding, in the order in which a kernel visits them: `Operand` of src/kernels/plan.ts, which writes it.
// Positions and strides count the elements of the binding's array: f32, or quads where that is array<vec4<f32>>. They are modulo 2³²:
// strides may be negative, and entry 0 may lie before the binding.
struct Operand {
  base: u32, // where the first row visited of the tensor's entry 0 begins
  batch: u32, // from one sequence to the next
  head: u32, // from one stored head to the next
  row: u32, // from one row visited to the next
  heads: u32, // how many entries (heads) a sequence has
  sharing: u32, // how many neighbouring heads read the same rows
  entry: u32, // which of the tensor's entries is entry 0 of the dispatch
  spare: u32, // fills the struct up to 32 bytes, a multiple of its alignment of 16
}

// Returns where the first row visited of an entry of the dispatch begins.
fn start(operand: Operand, entry: u32) -> u32 {
  let index = operand.entry + entry;
  return operand.base + index / operand.heads * operand.batch + index % operand.heads / operand.sharing * operand.head;
}
