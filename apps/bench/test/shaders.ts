/** The shaders that each operation of the GPU report dispatches, in order. */
export const SHADERS: Readonly<Record<string, readonly string[]>> = {
  solve: ["coupling", "solve-scan"],
  "solve, transposed": ["coupling", "solve-scan"],
  apply: ["coupling", "apply-state", "apply-prefix", "apply-chunk"],
  inverse: ["coupling", "solve-scan"],
  trilInverse: ["tril-inverse"],
  rowDot: ["row-dot"],
};
