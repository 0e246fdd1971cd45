import { createJsBackend } from "@dlrt/backend-js";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { isRight } from "../src/harness/accuracy/residual.js";
import { backendContender, type Contender } from "../src/harness/contenders/contender.js";
import { operations } from "../src/harness/operations/index.js";
import { solveOperation } from "../src/harness/operations/products.js";
import { dense } from "../src/peers/dense.js";
import { mlMatrix } from "../src/peers/ml-matrix.js";
import { naive } from "../src/harness/contenders/naive.js";
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

const numpy = await openNumpy();
afterAll(() => ("open" in numpy ? numpy.dispose() : undefined));

test("numpy is there, or says why it is not", () => {
  if ("reason" in numpy) expect(numpy.reason).toMatch(/numpy|python3/i);
  else expect(numpy.build).toMatch(/^\d+\./);
});

const cases = (["solve", "inverse"] as const).flatMap((name) => [
  { name, dtype: "f32" as const },
  { name, dtype: "f64" as const },
]);
test.skipIf("reason" in numpy).each(cases)("numpy: $name $dtype, twice", async ({ name, dtype }) => {
  const peer = numpy as Contender;
  const small = problem({ n: 150, r: 9, p: 4, dtype });
  const refusal = peer.refuses(operations[name], small);
  if (refusal !== undefined) {
    expect([name, refusal]).toEqual(["inverse", "no scipy: trtri"]);
    return;
  }
  const run = peer.open(operations[name], small, undefined);
  // The second call works where the first one's answer lies.
  for (let call = 0; call < 2; call++) await run.call();
  expect(isRight(operations[name].judge(small, await run.read()))).toBe(true);
  run.close();
});

test.skipIf("reason" in numpy)("numpy refuses what it does not do", () => {
  expect((numpy as Contender).refuses(operations.apply, problem())).toBe("solves and inverts only");
});

test.skipIf("reason" in numpy)("without SciPy numpy solves, and says what it lacks", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dlrt-no-scipy-"));
  writeFileSync(join(folder, "scipy.py"), "raise ImportError\n");
  vi.stubEnv("PYTHONPATH", folder);
  const bare = (await openNumpy()) as Contender;
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  expect(bare.refuses(operations.inverse, problem())).toBe("no scipy: trtri");
  expect(bare.refuses(operations.solve, problem())).toBeUndefined();
  await bare.dispose();
});

test("a peer without decay says so; the plain loop decays", async () => {
  for (const decay of ["row", "channel"] as const) {
    const small = problem({ n: 150, r: 9, p: 4, decay });
    for (const peer of [mlMatrix, stdlib, dense]) {
      expect(peer.refuses(operations.solve, small)).toBe("computes without decay");
    }
    expect(naive.refuses(operations.solve, small)).toBeUndefined();
    const run = naive.open(solveOperation, small, undefined);
    await run.call();
    expect(isRight(solveOperation.judge(small, await run.read()))).toBe(true);
    run.close();
  }
});

test.skipIf("reason" in numpy)("numpy has no decay", () => {
  const small = problem({ decay: "row" });
  expect((numpy as Contender).refuses(operations.solve, small)).toBe("computes without decay");
});

test("a backend refuses what its kernels lack", () => {
  const js = createJsBackend();
  const lesser = (supports: object) =>
    backendContender("lesser", Object.defineProperty(Object.create(js), "supports", { value: supports }));
  const { limits } = js.supports;
  const refusals = ([["none"], ["row"], ["channel"]] as const).map(([can]) =>
    (["none", "row", "channel"] as const).map((decay) =>
      lesser({ dtypes: ["f32"], build: "", limits, decay: can }).refuses(solveOperation, problem({ decay })),
    ),
  );
  expect(refusals).toEqual([
    [undefined, "no decay by row", "no decay by channel"],
    [undefined, undefined, "no decay by channel"],
    [undefined, undefined, undefined],
  ]);
  const missing = lesser({ dtypes: ["f32"], build: "", limits, decay: "row", missing: ["decayVjp"] });
  expect(missing.refuses(operations.solveVjp, problem({ decay: "row" }))).toBe("no decayVjp kernel");
  expect(missing.refuses(operations.solveVjp, problem())).toBeUndefined();
});
