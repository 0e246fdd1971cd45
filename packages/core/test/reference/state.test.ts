import { describe, expect, test } from "vitest";
import { recurrent, omega, omegaApply, omegaState, rowsOf } from "../../src/reference/index.js";
import { general, LIMIT, ways } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

const [n, r, p] = [17, 3, 2];
const random = new Random(17);
const op = general(random, n, r);
const b = random.normals(n * p);
const state = random.normals(r * p);

/** Makes the call in two pieces, cut before row `cut`, where the final state of the first piece goes into the second. */
function inTwoPieces(method: (typeof ways)[number][1]["solve"], cut: number, trans: boolean) {
  const piece = (start: number, end: number, z: Float64Array) =>
    method(rowsOf(op, start, end), b.subarray(start * p, end * p), p, { trans, initialState: z });
  const first = trans ? piece(cut, n, state) : piece(0, cut, state);
  const second = trans ? piece(0, cut, first.finalState) : piece(cut, n, first.finalState);
  const y = new Float64Array(n * p);
  y.set(trans ? second.y : first.y);
  y.set(trans ? first.y : second.y, cut * p);
  return { y, finalState: second.finalState };
}

describe.each(ways)("a sequence cut anywhere gives the same, %s", (_, { solve, apply }) => {
  test.each([false, true])("trans: %s", (trans) => {
    const options = { trans, initialState: state };
    for (let cut = 0; cut <= n; cut++) {
      const solved = inTwoPieces(solve, cut, trans);
      const applied = inTwoPieces(apply, cut, trans);
      expect(omega(op, solved.y, b, p, options), `cut ${cut}`).toBeLessThanOrEqual(LIMIT);
      expect(omegaState(op, solved.finalState, solved.y, p, options), `cut ${cut}`).toBeLessThanOrEqual(
        LIMIT,
      );
      expect(omegaApply(op, applied.y, b, p, options), `cut ${cut}`).toBeLessThanOrEqual(LIMIT);
      expect(omegaState(op, applied.finalState, b, p, options), `cut ${cut}`).toBeLessThanOrEqual(LIMIT);
    }
  });

  test("inputs are left as they were, and the state comes back as a new array", () => {
    const before = [...state, ...b];
    const { finalState: final } = solve(op, b, p, { initialState: state });
    apply(op, b, p, { initialState: state, trans: true });
    expect([...state, ...b]).toEqual(before);
    final.fill(7);
    expect([...state, ...b]).toEqual(before);
  });

  test("n = 0 hands the state on; r = 0 divides by λ", () => {
    const none = { n: 0, r, diag: new Float64Array(), q: new Float64Array(), k: new Float64Array() };
    expect(solve(none, new Float64Array(), p, { initialState: state, alpha: 3 })).toEqual({
      y: new Float64Array(),
      finalState: state,
    });
    const diagonal = {
      n: 2,
      r: 0,
      diag: Float64Array.of(2, 4),
      q: new Float64Array(),
      k: new Float64Array(),
    };
    expect([...solve(diagonal, Float64Array.of(2, 12), 1, { alpha: 5 }).y]).toEqual([5, 15]);
    expect([...apply(diagonal, Float64Array.of(2, 12), 1, { alpha: 5 }).y]).toEqual([20, 240]);
  });
});

test.each([false, true])("row by row, the cut leaves every bit as it was, trans: %s", (trans) => {
  for (let cut = 0; cut <= n; cut++) {
    expect(inTwoPieces(recurrent.solve, cut, trans)).toEqual(
      recurrent.solve(op, b, p, { trans, initialState: state }),
    );
    expect(inTwoPieces(recurrent.apply, cut, trans)).toEqual(
      recurrent.apply(op, b, p, { trans, initialState: state }),
    );
  }
});
