const ROWS = 3;
const DEPTH = 4;
/** The columns of B and C. One pass reads and writes 4 KiB, far less than any L1 cache holds. */
const COLUMNS = 64;
const PASSES = 2_000;
const B = ROWS * DEPTH;
const C: number = B + DEPTH * COLUMNS;

const S: Float64Array = /* @__PURE__ */ new Float64Array(C + ROWS * COLUMNS);

/**
 * GFLOP/s of the fastest register tile found in plain JavaScript: three rows of C gain a 3×4 block of A, held in
 * registers, times four rows of B, in float64 and from the L1 cache. What a kernel reaches is judged as a fraction of
 * it. (Tiles that hold C in registers instead: 2×3 is 15 % slower, 4×4 spills and is 45 % slower.)
 */
export function jsRegisterPeak(milliseconds = 200): number {
  S.fill(1e-3);
  let best = 0;
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    S.fill(0, C);
    const start = performance.now();
    for (let i = 0; i < PASSES; i++) tile();
    const seconds = (performance.now() - start) / 1e3;
    best = Math.max(best, (2 * ROWS * DEPTH * COLUMNS * PASSES) / seconds / 1e9);
  }
  return best;
}

function tile(): void {
  const a00 = S[0]!;
  const a01 = S[1]!;
  const a02 = S[2]!;
  const a03 = S[3]!;
  const a10 = S[4]!;
  const a11 = S[5]!;
  const a12 = S[6]!;
  const a13 = S[7]!;
  const a20 = S[8]!;
  const a21 = S[9]!;
  const a22 = S[10]!;
  const a23 = S[11]!;
  let j0 = B;
  let j1 = (B + COLUMNS) | 0;
  let j2 = (B + 2 * COLUMNS) | 0;
  let j3 = (B + 3 * COLUMNS) | 0;
  let c0 = C;
  let c1 = (C + COLUMNS) | 0;
  let c2 = (C + 2 * COLUMNS) | 0;
  while (j0 < B + COLUMNS) {
    const x0 = S[j0]!;
    const x1 = S[j1]!;
    const x2 = S[j2]!;
    const x3 = S[j3]!;
    S[c0] = S[c0]! + a00 * x0 + a01 * x1 + a02 * x2 + a03 * x3;
    S[c1] = S[c1]! + a10 * x0 + a11 * x1 + a12 * x2 + a13 * x3;
    S[c2] = S[c2]! + a20 * x0 + a21 * x1 + a22 * x2 + a23 * x3;
    j0 = (j0 + 1) | 0;
    j1 = (j1 + 1) | 0;
    j2 = (j2 + 1) | 0;
    j3 = (j3 + 1) | 0;
    c0 = (c0 + 1) | 0;
    c1 = (c1 + 1) | 0;
    c2 = (c2 + 1) | 0;
  }
}
