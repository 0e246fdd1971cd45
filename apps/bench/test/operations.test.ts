import { createJsBackend } from "@dlrt/backend-js";
import type { FloatArray } from "@dlrt/core";
import { expect, test } from "vitest";
import { isRight } from "../src/harness/accuracy/residual.js";
import { operations } from "../src/harness/operations/index.js";
import { OPERATION_NAMES } from "../src/harness/operations/operation.js";
import { chunkFlops } from "../src/harness/operations/products.js";
import { mlMatrix } from "../src/peers/ml-matrix.js";
import { naive } from "../src/harness/contenders/naive.js";
import { problem } from "./problems.js";

const cases = (["none", "row", "channel"] as const).flatMap((decay) =>
  (decay === "none" ? [1, 5, 131] : [1, 70]).map((n) => ({ decay, n })),
);

for (const name of OPERATION_NAMES) {
  for (const dtype of ["f32", "f64"] as const) {
    for (const { decay, n } of cases) {
      test(`${name}, ${dtype}, n = ${n}, decay ${decay}: right on backend-js; any element spoilt is wrong`, async () => {
        const backend = createJsBackend();
        const of = problem({ n, dtype, decay });
        const operation = operations[name];
        const run = operation.open(backend, of, undefined);
        await run.call();
        await run.call();
        const outputs = await run.read();
        expect(isRight(operation.judge(of, outputs))).toBe(true);
        for (const [which, output] of outputs.entries()) {
          const step = Math.max(1, Math.floor(output.length / 17));
          const off = 2 ** -4 * Math.max(2 ** -4, ...output.map(Math.abs));
          for (let at = 0; at < output.length; at += step) {
            const spoilt: FloatArray[] = outputs.map((o) => o.slice());
            spoilt[which]![at] = output[at]! + (output[at]! < 0 ? -off : off);
            expect(isRight(operation.judge(of, spoilt)), `output ${which}, element ${at}`).toBe(false);
            spoilt[which]![at] = Number.NaN;
            expect(isRight(operation.judge(of, spoilt)), `NaN, output ${which}, element ${at}`).toBe(false);
          }
        }
        run.close();
        expect(backend.memory().tensors).toBe(0);
        await backend.dispose();
      });
    }
  }
}

test("outputs start as NaN, so what is never written is found", async () => {
  const backend = createJsBackend();
  for (const name of ["solve", "apply", "inverse", "trilInverse"] as const) {
    const run = operations[name].open(backend, problem(), undefined);
    for (const output of await run.read()) expect(output.every(Number.isNaN)).toBe(true);
    run.close();
  }
  await backend.dispose();
});

test("what cannot be opened leaves nothing behind", async () => {
  const backend = createJsBackend();
  const broken = { ...problem(), b: new Float32Array(3) };
  expect(() => operations.solve.open(backend, broken, undefined)).toThrow(/expected/);
  expect(backend.memory().tensors).toBe(0);
  await backend.dispose();
});

test("the peers' answers are right, for any chunk remainder", async () => {
  for (const peer of [naive, mlMatrix]) {
    for (const [n, dtype] of [
      [1, "f32"],
      [16, "f64"],
      [133, "f32"],
    ] as const) {
      const of = problem({ n, dtype });
      const run = peer.open(operations.solve, of, undefined);
      await run.call();
      expect(isRight(operations.solve.judge(of, await run.read()))).toBe(true);
      expect(peer.refuses(operations.inverse, of)).toBe("solves only");
    }
  }
});

test.each([1, 4, 12, 99])("the flops of chunks of %i rows, counted entry by entry", (chunk) => {
  const of = problem({ n: 12, dtype: "f32" });
  const { batch, n, r, p } = of;
  let entries = 0; // of S: r multiply-adds each to form, p to use
  let states = 0; // rows that meet Z, and rows that Z needs later: r p multiply-adds each
  for (let i = 0; i < n; i++) {
    const first = i - (i % chunk);
    entries += i - first;
    if (first > 0) states++;
    if (first + chunk < n) states++;
  }
  expect(chunkFlops(of, chunk)).toBe(batch * (2 * entries * (r + p) + 2 * states * r * p + n * p));
});
