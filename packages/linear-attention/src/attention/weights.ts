import { UnsupportedError, type Backend, type FloatArray, type HostTensor, type Tensor } from "@dlrt/core";
import { entryStart } from "@dlrt/core/backend";

/** How scores become weights: by a softmax over the row, or by their exponentials alone. */
export type Kernel = "softmax" | "exp";

/**
 * Checks that the host reaches the elements of a tensor, because it computes the exponentials, which no kernel of a backend does.
 * @throws UnsupportedError where it does not
 */
export function checkHost(backend: Backend, t: Tensor): void {
  if ("data" in t) return;
  const expected = "a backend whose tensors the host can read at once, for the exponentials";
  throw new UnsupportedError("backend", expected, backend.name);
}

/** Calls `visit` for every row of every entry, with the index of the row's first element. */
function forEachRow(t: Tensor, visit: (start: number, entry: number, row: number) => void): void {
  const [batch, rows] = t.shape;
  for (let entry = 0; entry < batch; entry++) {
    const start = entryStart(t.layout, entry);
    for (let row = 0; row < rows; row++) visit(start + row * t.layout.row, entry, row);
  }
}

const dataOf = (t: Tensor): FloatArray => (t as HostTensor).data;

/** Returns an element of a tensor [batch, n, 1]. */
const numberAt = (t: Tensor, entry: number, row: number): number =>
  dataOf(t)[entryStart(t.layout, entry) + row * t.layout.row]!;

/**
 * Turns scores into weights where they lie, [batch, c, e]. Row i, which belongs to the token `first` + i, has weights for the tokens before
 * it, for itself unless `strict`, and 0 for later ones. A softmax first subtracts the largest of the scores that count, so that it never
 * overflows.
 */
export function weigh(scores: Tensor, first: number, kernel: Kernel, strict: boolean): void {
  const cols = scores.shape[2];
  const data = dataOf(scores);
  forEachRow(scores, (start, _, row) => {
    const end = start + first + row + (strict ? 0 : 1);
    data.fill(0, end, start + cols);
    if (kernel === "exp") {
      for (let at = start; at < end; at++) data[at] = Math.exp(data[at]!);
      return;
    }
    let largest = -Infinity;
    for (let at = start; at < end; at++) if (!(data[at]! <= largest)) largest = data[at]!;
    let total = 0;
    for (let at = start; at < end; at++) total += data[at] = Math.exp(data[at]! - largest);
    for (let at = start; at < end; at++) data[at]! /= total;
  });
}

/**
 * Takes the gradients of weights P back to those of the scores, times `scale`, where they lie:
 *
 *     softmax   s̄_ij = β_i P_ij (P̄_ij − r_i),   r_i = Σ_j P_ij P̄_ij;       exp   s̄_ij = β_i P_ij P̄_ij
 *
 * where β_i P_ij is what the forward pass used.
 * @param beta is β, [batch, c, 1]; it counts as 1 where it is absent
 * @param sums receives r, the gradient of β
 */
export function weighBack(
  weights: Tensor,
  gradient: Tensor,
  kernel: Kernel,
  scale: number,
  beta?: Tensor,
  sums?: Tensor,
): void {
  const cols = weights.shape[2];
  const [p, bar] = [dataOf(weights), dataOf(gradient)];
  forEachRow(weights, (start, entry, row) => {
    const from = entryStart(gradient.layout, entry) + row * gradient.layout.row;
    let sum = 0;
    for (let j = 0; j < cols; j++) if (p[start + j] !== 0) sum += p[start + j]! * bar[from + j]!;
    const factor = scale * (beta ? numberAt(beta, entry, row) : 1);
    const less = kernel === "softmax" ? sum : 0;
    // Where the weight is 0, no gradient passes, not even one of a later token that is not finite.
    for (let j = 0; j < cols; j++) {
      const weight = p[start + j]!;
      bar[from + j] = weight === 0 ? 0 : factor * weight * (bar[from + j]! - less);
    }
    if (sums) dataOf(sums)[entryStart(sums.layout, entry) + row * sums.layout.row] = sum;
  });
}

/** Computes out ← α β ∘ x + plus, row by row, for x, out and plus [batch, c, p] and β [batch, c, 1]. `out` may be x. */
export function scaleRows(x: Tensor, beta: Tensor, out: Tensor, alpha = 1, plus?: Tensor): void {
  const cols = x.shape[2];
  const [from, to] = [dataOf(x), dataOf(out)];
  forEachRow(out, (start, entry, row) => {
    const at = entryStart(x.layout, entry) + row * x.layout.row;
    const factor = alpha * numberAt(beta, entry, row);
    const more = plus && entryStart(plus.layout, entry) + row * plus.layout.row;
    for (let j = 0; j < cols; j++) {
      const scaled = factor * from[at + j]!;
      to[start + j] = more === undefined ? scaled : scaled + dataOf(plus!)[more + j]!;
    }
  });
}
