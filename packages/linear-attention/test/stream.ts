/**
 * A batch of sequences, in which the rows of one piece lie apart; there are so many that a piece has less than half of the tokens, as only then
 * a call is cut.
 */
export const problem = {
  batch: 48,
  tokens: 400,
  heads: { query: 2, key: 2, value: 4 },
  keyWidth: 6,
  valueWidth: 3,
};
export const options = { heads: problem.heads, shape: [problem.batch, problem.tokens] as const };
