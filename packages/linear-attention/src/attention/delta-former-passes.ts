import { solve, type Tensor } from "@dlrt/core";
import { accumulate, firstColumns, multiply, rowsFrom } from "../engine/products.js";
import type { Scope } from "../engine/scope.js";
import { Blocks, type Attention, type Rows } from "./blocks.js";
import { scaleRows, weighBack } from "./weights.js";

/**
 * Solves for the corrections U = T⁻¹ V block by block, [E, n, V].
 * @param then is called after every block, with the corrections of all tokens up to its end
 */
function corrections<T extends Tensor>(
  scope: Scope<T>,
  blocks: Blocks<T>,
  then: (first: number, solved: T) => void,
): T {
  const { value, erase, beta } = blocks.rows;
  const u = scope.empty(value.shape);
  const [weightsAt, ownAt] = [blocks.buffer(), blocks.buffer()];
  for (const first of blocks.starts()) {
    const size = blocks.size(first);
    const weights = blocks.weights(erase, first, true, weightsAt);
    let right = rowsFrom(scope, value, first, size);
    if (first > 0) {
      const before = multiply(scope, firstColumns(scope, weights, first), rowsFrom(scope, u, 0, first));
      scaleRows(before, rowsFrom(scope, beta, first, size), before, -1, right);
      right = before;
    }
    solve(scope.backend, blocks.within(weights, first, ownAt), right, {
      out: rowsFrom(scope, u, first, size),
    });
    then(first, rowsFrom(scope, u, 0, first + size));
  }
  return u;
}

/** Computes O = A U into `output`, A being the weights that the queries have for the tokens up to their own. */
export function attend<T extends Tensor>(
  scope: Scope<T>,
  rows: Rows<T>,
  attention: Attention,
  output: T,
): void {
  const blocks = new Blocks(scope, rows, attention);
  const buffer = blocks.buffer();
  corrections(scope, blocks, (first, solved) => {
    const weights = blocks.weights(rows.query, first, false, buffer);
    multiply(scope, weights, solved, { out: rowsFrom(scope, output, first, weights.shape[1]) });
  });
}

/**
 * Computes the gradients of `attend`, from the last block I to the first. Ū is the cotangent of the corrections, to which every block adds
 * what its outputs and its own system read of earlier corrections:
 *
 *     Ū ← Ū + A_Iᵀ Ō_I;   D_I = T_II⁻ᵀ Ū_I = V̄_I;   Ū_before ← Ū_before − P_Iᵀ (β D)_I;   Ā_I = Ō_I Uᵀ;   (diag(β) P)̄_I = −D_I Uᵀ
 *
 * @param cotangent is Ō, [E, n, V]
 * @param to receives the gradients, [E, n, columns]; `erase` and `query` have one each, even where their rows are the same
 */
export function attendBack<T extends Tensor>(
  scope: Scope<T>,
  rows: Rows<T>,
  attention: Attention,
  cotangent: T,
  to: Rows<T>,
): void {
  const { kernel, scale } = attention;
  const blocks = new Blocks(scope, rows, attention);
  const u = corrections(scope, blocks, () => {});
  const [entries, tokens, valueWidth] = u.shape;
  const uTransposed = scope.copy(u, scope.empty([entries, valueWidth, tokens]), { trans: true });
  const uBar = scope.full(0, u.shape);
  const keyBar = scope.full(0, rows.key.shape);
  const [weightsAt, gradientAt, ownAt] = [blocks.buffer(), blocks.buffer(), blocks.buffer()];
  for (const first of blocks.starts().reverse()) {
    const size = blocks.size(first);
    const end = first + size;
    const of = (t: T): T => rowsFrom(scope, t, first, size);
    const upTo = (t: T): T => rowsFrom(scope, t, 0, end);
    /** Takes the gradient of the block's scores back to both vectors whose product they are: the rows of `by` and the keys. */
    const scoresBack = (by: T, byBar: T, gradient: T): void => {
      multiply(scope, gradient, upTo(rows.key), { out: of(byBar) });
      accumulate(scope, upTo(keyBar), gradient, of(by));
    };
    /** Computes the gradient of the block's weights, α R Uᵀ, from that of what they were multiplied to. */
    const weightsBack = (rowsBar: T, alpha: number): T =>
      multiply(scope, rowsBar, firstColumns(scope, uTransposed, end), {
        alpha,
        out: blocks.in(gradientAt, first),
      });

    const reading = blocks.weights(rows.query, first, false, weightsAt);
    accumulate(scope, upTo(uBar), reading, of(cotangent));
    const readingBar = weightsBack(of(cotangent), 1);
    weighBack(reading, readingBar, kernel, scale);
    scoresBack(rows.query, to.query, readingBar);

    const erasing = blocks.weights(rows.erase, first, true, weightsAt);
    const system = blocks.within(erasing, first, ownAt);
    const solved = solve(scope.backend, system, of(uBar), { trans: true, out: of(to.value) });
    if (first > 0) {
      const scaled = scope.empty(solved.shape);
      scaleRows(solved, of(rows.beta), scaled, -1);
      accumulate(scope, rowsFrom(scope, uBar, 0, first), firstColumns(scope, erasing, first), scaled);
    }
    const erasingBar = weightsBack(solved, -1);
    weighBack(erasing, erasingBar, kernel, scale, of(rows.beta), of(to.beta));
    scoresBack(rows.erase, to.erase, erasingBar);
  }
  scope.copy(keyBar, to.key);
}
