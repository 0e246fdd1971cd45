// Where the rows of a tensor lie in a binding, in the order visited, counted as the binding's elements are. Positions and
// strides are modulo 2³²: strides may be negative, and entry 0 may lie before the binding.
struct Operand {
  base: u32, // first row visited of the tensor's entry 0
  batch: u32, // from one sequence to the next
  head: u32, // from one stored head to the next
  row: u32, // from one row visited to the next
  heads: u32, // of a sequence
  sharing: u32, // neighbouring heads that read the same rows
  entry: u32, // of the tensor, that is entry 0 of the dispatch
  spare: u32,
}

// The first row visited of a dispatch's entry.
fn start(operand: Operand, entry: u32) -> u32 {
  let index = operand.entry + entry;
  return operand.base + index / operand.heads * operand.batch + index % operand.heads / operand.sharing * operand.head;
}
