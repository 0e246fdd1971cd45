/**
 * A batch, in which the rows of one piece lie apart. It has so many sequences that a piece holds less than half of the tokens, since only then
 * a call is cut into pieces.
 */
export const problem = {
  batch: 48,
  tokens: 400,
  heads: { query: 2, key: 2, value: 4 },
  keyWidth: 6,
  valueWidth: 3,
};
export const options = { heads: problem.heads, shape: [problem.batch, problem.tokens] as const };
