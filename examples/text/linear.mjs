// Products of matrices by the backend's `apply`: it reads its initial state by the rows of Q, and its final state gathers Kᵀ X.
import { apply } from "@dlrt/core";
import { Value } from "./tape.mjs";

/** [B, T, columns] as one matrix of B·T rows. */
function rowsOf(backend, tensor) {
  const [batch, rows, cols] = tensor.shape;
  const layout = { offset: 0, heads: 1, shared: 1, batch: batch * rows * cols, head: 0, row: cols };
  return backend.view(tensor, [1, batch * rows, cols], layout);
}

/** out ← A S (+ P), A [B, T, m], S [1, m, p], P and out [B, T, p]. */
function multiply(tape, a, s, out, plus) {
  const rows = rowsOf(tape.backend, a);
  const to = rowsOf(tape.backend, out);
  const op = { q: rows, k: tape.repeated(0, rows.shape) };
  if (plus) op.diag = tape.repeated(1, [1, rows.shape[1], 1]);
  const x = plus ? rowsOf(tape.backend, plus) : tape.repeated(0, to.shape);
  apply(tape.backend, op, x, { initialState: s, out: to });
}

/** Aᵀ B, A [B, T, m], B [B, T, p]: [1, m, p] */
function multiplyTransposed(tape, a, b) {
  const [k, x] = [a, b].map((tensor) => rowsOf(tape.backend, tensor));
  const finalState = tape.empty([1, k.shape[2], x.shape[2]]);
  const unused = tape.empty(x.shape);
  apply(tape.backend, { q: tape.repeated(0, k.shape), k }, x, { finalState, out: unused });
  tape.free(unused);
  return finalState;
}

/** A weight as models store it, [1, out, in], and its transpose, which the way forward reads. */
export class Weight extends Value {
  constructor(backend, tensor) {
    super(tensor);
    const [, rows, cols] = tensor.shape;
    const transposed = { data: tensor.data, shape: [1, cols, rows], strides: [0, 1, cols] };
    this.transposed = backend.upload(transposed);
  }
}

/** x Wᵀ, and what it is added to if anything: [B, T, in] to [B, T, out]. */
export function linear(tape, x, weight, plus) {
  const [B, T] = x.tensor.shape;
  const out = tape.empty([B, T, weight.tensor.shape[1]]);
  multiply(tape, x.tensor, weight.transposed, out, plus?.tensor);
  return tape.record(out, (bar) => {
    const back = tape.empty(x.tensor.shape);
    multiply(tape, bar, weight.tensor, back);
    tape.give(x, back);
    tape.give(weight, multiplyTransposed(tape, bar, x.tensor));
    if (plus) tape.give(plus, bar);
  });
}
