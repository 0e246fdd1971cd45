/** What the mask takes away: without it, Λ + QKᵀ has an inverse of its own form. Equation (13). */
import { addProduct, identity, matmul, transpose } from "./matrix.js";
import { lambda } from "./operator.js";
import type { ReferenceOperator } from "./types.js";

/** Λ + Q Kᵀ, n×n: T without the mask. */
export function materializeUnmasked(op: ReferenceOperator): Float64Array {
  const { n, r, q, k } = op;
  const u = matmul(q, transpose(k, n, r), [n, r, n]);
  for (let i = 0; i < n; i++) u[i * n + i]! += lambda(op, i);
  return u;
}

/** (Λ + Q Kᵀ)⁻¹ = Λ⁻¹ − Λ⁻¹ Q (I + Kᵀ Λ⁻¹ Q)⁻¹ Kᵀ Λ⁻¹, n×n: one r×r inverse in the middle. */
export function woodburyInverse(op: ReferenceOperator): Float64Array {
  const { n, r, q, k } = op;
  const left = q.map((x, at) => x / lambda(op, Math.floor(at / r)));
  const right = transpose(k, n, r).map((x, at) => x / lambda(op, at % n));
  const middle = identity(r);
  addProduct(middle, 1, right, q, [r, n, r]);
  const x = new Float64Array(n * n);
  for (let i = 0; i < n; i++) x[i * n + i] = 1 / lambda(op, i);
  addProduct(x, -1, left, matmul(generalInverse(middle, r), right, [r, r, n]), [n, r, n]);
  return x;
}

/** M⁻¹ of any r×r matrix: Gauss–Jordan on [M | I] with row pivots. */
function generalInverse(m: Float64Array, r: number): Float64Array {
  const a = m.slice();
  const x = identity(r);
  for (let col = 0; col < r; col++) {
    let pivot = col;
    for (let i = col + 1; i < r; i++) {
      if (Math.abs(a[i * r + col]!) > Math.abs(a[pivot * r + col]!)) pivot = i;
    }
    const scale = 1 / a[pivot * r + col]!;
    for (const side of [a, x]) {
      swapRows(side, r, pivot, col);
      for (let j = 0; j < r; j++) side[col * r + j]! *= scale;
    }
    for (let i = 0; i < r; i++) {
      const factor = a[i * r + col]!;
      if (i === col) continue;
      for (const side of [a, x]) {
        for (let j = 0; j < r; j++) side[i * r + j]! -= factor * side[col * r + j]!;
      }
    }
  }
  return x;
}

function swapRows(a: Float64Array, cols: number, i: number, j: number): void {
  const row = a.slice(i * cols, (i + 1) * cols);
  a.copyWithin(i * cols, j * cols, (j + 1) * cols);
  a.set(row, j * cols);
}
