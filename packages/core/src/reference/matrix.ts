/** C += s A B, for A rows×inner, B inner×cols. */
export function addProduct(
  c: Float64Array,
  s: number,
  a: Float64Array,
  b: Float64Array,
  [rows, inner, cols]: readonly [rows: number, inner: number, cols: number],
): void {
  for (let i = 0; i < rows; i++) {
    for (let m = 0; m < inner; m++) {
      const factor = s * a[i * inner + m]!;
      for (let j = 0; j < cols; j++) c[i * cols + j]! += factor * b[m * cols + j]!;
    }
  }
}

/** A B, for A rows×inner, B inner×cols. */
export function matmul(
  a: Float64Array,
  b: Float64Array,
  size: readonly [rows: number, inner: number, cols: number],
): Float64Array {
  const c = new Float64Array(size[0] * size[2]);
  addProduct(c, 1, a, b, size);
  return c;
}

/** L B, for lower triangular L rows×rows, B rows×cols. Zeros of L are not multiplied: 0 · NaN is NaN. */
export function trilMatmul(l: Float64Array, b: Float64Array, rows: number, cols: number): Float64Array {
  const c = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    for (let m = 0; m <= i; m++) {
      const factor = l[i * rows + m]!;
      for (let j = 0; j < cols; j++) c[i * cols + j]! += factor * b[m * cols + j]!;
    }
  }
  return c;
}

/** The lower triangle of A, c×c; what stands above the diagonal is not read. */
export function tril(a: Float64Array, c: number): Float64Array {
  const lower = new Float64Array(c * c);
  for (let i = 0; i < c; i++) lower.set(a.subarray(i * c, i * c + i + 1), i * c);
  return lower;
}

/** Aᵀ, for A rows×cols. */
export function transpose(a: Float64Array, rows: number, cols: number): Float64Array {
  const t = new Float64Array(cols * rows);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) t[j * rows + i] = a[i * cols + j]!;
  return t;
}

export function identity(n: number): Float64Array {
  const e = new Float64Array(n * n);
  for (let i = 0; i < n; i++) e[i * n + i] = 1;
  return e;
}

/** s A */
export function scaled(s: number, a: Float64Array): Float64Array {
  return a.map((x) => s * x);
}
