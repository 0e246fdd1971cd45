import { expect, test } from "vitest";
import { isRight } from "../src/accuracy.js";
import { solveOperation } from "../src/operations/solve.js";
import { mlMatrix } from "../src/peers/ml-matrix.js";
import { naive } from "../src/peers/naive.js";
import { openNumpy } from "../src/peers/numpy.js";
import { stdlib } from "../src/peers/stdlib.js";
import { problem } from "./problems.js";

test.each([naive, mlMatrix, stdlib])("$name solves what is compared", async (peer) => {
  const small = problem({ n: 150, r: 9, p: 4 });
  const run = peer.open(solveOperation, small, undefined);
  await run.call();
  expect(isRight(solveOperation.judge(small, await run.read()))).toBe(true);
  run.close();
});

test("numpy solves it too, or says why it cannot", async () => {
  const numpy = await openNumpy();
  if ("reason" in numpy) {
    expect(numpy.reason).toMatch(/numpy|python3/i);
    return;
  }
  const small = problem({ n: 150, r: 9, p: 4 });
  const run = numpy.open(solveOperation, small, undefined);
  await run.call();
  expect(isRight(solveOperation.judge(small, await run.read()))).toBe(true);
  run.close();
  await numpy.dispose();
});
