import type { FloatArray } from "@dlrt/core";

/** Returns the elements of an array [N, rows, cols] in the order of [N, cols, rows]. */
export function turned<A extends FloatArray>(x: A, rows: number, cols: number): A {
  return x.map((_, at) => {
    const [n, j, i] = [Math.floor(at / (rows * cols)), Math.floor(at / rows) % cols, at % rows];
    return x[(n * rows + i) * cols + j]!;
  }) as A;
}
