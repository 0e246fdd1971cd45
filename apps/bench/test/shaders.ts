/** The shaders that each operation of the GPU report dispatches, in order. */
export const SHADERS: Readonly<Record<string, readonly string[]>> = {
  solve: ["chunk-matrix", "solve-scan"],
  "solve, transposed": ["chunk-matrix", "solve-scan"],
  apply: ["chunk-matrix", "apply-state", "apply-prefix", "apply-chunk"],
  inverse: ["chunk-matrix", "solve-scan"],
  trilInverse: ["tril-inverse"],
  rowDot: ["row-dot"],
};
