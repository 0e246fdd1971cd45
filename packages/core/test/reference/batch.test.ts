import { expect, test } from "vitest";
import { matrixOf, operatorOf, overBatch, recurrent } from "../../src/reference/index.js";
import { Random } from "../../../../tooling/random.mjs";

test("every entry of a batch on its own, f32 taken exactly", () => {
  const [batch, n, r, p] = [3, 5, 2, 4];
  const random = new Random(1);
  const f32 = (count: number) => Float32Array.from(random.normals(count));
  const op = { batch, n, r, diag: f32(batch * n), q: f32(batch * n * r), k: f32(batch * n * r) };
  const b = f32(batch * n * p);
  const state = f32(batch * r * p);
  const all = overBatch(recurrent.solve, op, b, p, { initialState: state, trans: true, alpha: 2 });
  for (let index = 0; index < batch; index++) {
    const one = recurrent.solve(operatorOf(op, index), matrixOf(b, batch, index), p, {
      initialState: matrixOf(state, batch, index),
      trans: true,
      alpha: 2,
    });
    expect(matrixOf(all.y, batch, index)).toEqual(one.y);
    expect(matrixOf(all.finalState, batch, index)).toEqual(one.finalState);
  }
  expect(operatorOf(op, 1).q[1]).toBe(op.q[n * r + 1]);
  expect(operatorOf({ ...op, diag: undefined }, 1).diag).toBeUndefined();
});

test("a batch of none", () => {
  const none = new Float32Array();
  const op = { batch: 0, n: 5, r: 2, diag: none, q: none, k: none };
  expect(overBatch(recurrent.solve, op, none, 4)).toEqual({
    y: new Float64Array(),
    finalState: new Float64Array(),
  });
});
