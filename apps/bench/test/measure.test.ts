import { expect, test } from "vitest";
import type { Contender } from "../src/harness/contenders/contender.js";
import { measure, measureAll, type Outcome } from "../src/harness/measure.js";
import { solveOperation } from "../src/harness/operations/products.js";
import { naiveSolve } from "../src/harness/operations/naive-solve.js";
import { jsRegisterPeak } from "../src/harness/peaks/js.js";
import { wasmRegisterPeak } from "../src/harness/peaks/wasm.js";
import { plantedWrong } from "../src/harness/contenders/planted.js";
import { rows } from "../src/harness/report.js";
import { fake, problem } from "./problems.js";

const of = problem();
const peaks = { js: 10, wasm: { f32: 50, f64: 25 } };
const options = { repetitions: 4, seconds: 5 };
const answer = of.b.slice();
naiveSolve(of, answer, new Float64Array(of.r * of.p));

async function outcome(contender: Contender): Promise<Outcome> {
  return (await measure([contender], solveOperation, of, options)).get(contender)!;
}

test("a right answer gets its time", async () => {
  const result = await outcome(fake("right", () => [answer]));
  expect(result.status).toBe("ok");
  expect(result).toMatchObject({ verdict: { limit: 16 }, timing: { samples: { length: 4 } } });
});

test("a run with a clock of its own: every call is a sample, as that clock has it", async () => {
  let calls = 0;
  const times = async (count: number): Promise<number[]> => {
    calls += count;
    return Array.from({ length: count }, (_, i) => i + 1);
  };
  const run = { call: () => undefined, times, read: async () => [answer], close: () => undefined };
  const subject = { name: "elsewhere", refuses: () => undefined, open: () => run };
  const judged = { value: 1, limit: 2 };
  const outcomes = await measureAll(
    [subject],
    (one) => one,
    () => judged,
    options,
  );
  const result = outcomes.get(subject)!;
  expect(result).toMatchObject({ status: "ok", verdict: judged });
  // Warm-up calls one by one, each of 1 ms; then 5 calls a sample make 5 ms.
  const { warmUpCalls, timing } = result as Extract<Outcome, { status: "ok" }>;
  expect(timing.samples).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
  expect(calls).toBe(warmUpCalls + 20);
});

test("a wrong backend gets no time, and no figure that follows from one", async () => {
  const planted = plantedWrong();
  const right = fake("right", () => [answer]);
  const outcomes = await measure([planted, right], solveOperation, of, options);
  const [wrong, ok] = rows(outcomes, { flops: 1e6, dtype: "f32", peaks }, "right");
  expect(wrong).toMatchObject({ name: "planted", status: "wrong", error: { limit: 16 } });
  expect(wrong!.error!.value).toBeGreaterThan(16);
  for (const figure of ["ms", "gflops", "ofJsPeak", "ofCeiling", "speedup"])
    expect(wrong).not.toHaveProperty(figure);
  expect(ok!.ms!.median).toBeGreaterThan(0);
  expect(ok!.speedup!.value).toBe(1);
  await planted.dispose();
});

test("an element never written, and NaN, are wrong and JSON can hold them", async () => {
  const spoilt = answer.slice();
  spoilt[5] = Number.NaN;
  const contender = fake("unwritten", () => [spoilt]);
  const outcomes = await measure([contender], solveOperation, of, options);
  expect(rows(outcomes, { flops: 1, dtype: "f32", peaks }, "x")[0]).toMatchObject({
    status: "wrong",
    error: { value: null },
  });
});

test("an answer that turns wrong while it is timed gets no time", async () => {
  let reads = 0;
  const spoilt = answer.slice();
  spoilt[answer.length - 1]! += 0.5;
  const result = await outcome(fake("later", () => [reads++ === 0 ? answer : spoilt]));
  expect(result.status).toBe("wrong");
  expect(result).not.toHaveProperty("timing");
});

test("whoever throws is reported, and the others go on", async () => {
  const broken = fake(
    "broken",
    () => [answer],
    () => {
      throw new Error("no such luck");
    },
  );
  const right = fake("right", () => [answer]);
  const outcomes = await measure([broken, right], solveOperation, of, options);
  expect(outcomes.get(broken)).toEqual({ status: "failed", reason: "no such luck" });
  expect(outcomes.get(right)!.status).toBe("ok");
});

test("who does not take the work is skipped with the reason", async () => {
  const contender = { ...fake("picky", () => [answer]), refuses: () => "not today" };
  expect(await outcome(contender)).toEqual({ status: "skipped", reason: "not today" });
});

test("samples are taken in turn, forth and back", async () => {
  const order: string[] = [];
  const slow = (name: string): Contender =>
    fake(
      name,
      () => [answer],
      () => {
        order.push(name);
        const end = performance.now() + 6;
        while (performance.now() < end);
      },
    );
  await measure([slow("a"), slow("b"), slow("c")], solveOperation, of, { repetitions: 4, seconds: 5 });
  expect(order.slice(-12).join("")).toBe("abccbaabccba");
});

test("everything opened is closed, whatever happens", async () => {
  let open = 0;
  const counted = (contender: Contender): Contender => ({
    ...contender,
    open: (...args) => {
      const run = contender.open(...args);
      open++;
      return { ...run, close: () => void open-- };
    },
  });
  const wrong = fake("wrong", () => [answer.map((x) => x + 1)]);
  await measure([counted(fake("right", () => [answer])), counted(wrong)], solveOperation, of, options);
  expect(open).toBe(0);
  const stop = new AbortController();
  const aborted = measure([counted(fake("right", () => [answer]))], solveOperation, of, {
    ...options,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error("cancelled")),
  });
  await expect(aborted).rejects.toThrow("cancelled");
  expect(open).toBe(0);
});

test("the share of the ceiling: the engine's peak of that dtype, times threads", async () => {
  const right = fake("right", () => [answer]);
  const threaded: Contender = { ...right, kind: "backend", ceiling: { engine: "wasm", threads: 2 } };
  const plain: Contender = { ...right, ceiling: { engine: "js", threads: 1 } };
  const outcomes = await measure([threaded, plain, right], solveOperation, of, options);
  const [a, b, c] = rows(outcomes, { flops: 1e6, chunkFlops: 1.5e6, dtype: "f64", peaks }, "none");
  expect(a!.ofCeiling).toBeCloseTo(a!.gflops! / 50, 12);
  expect(b!.ofCeiling).toBeCloseTo(b!.gflops! / 10, 12);
  expect(c).not.toHaveProperty("ofCeiling");
  expect(a!.ofCeilingWithChunk).toBeCloseTo(1.5 * a!.ofCeiling!, 12);
  expect(rows(outcomes, { flops: 1e6, dtype: "f64", peaks }, "none")[0]).not.toHaveProperty(
    "ofCeilingWithChunk",
  );
});

test("register peaks are those of an engine: wasm f32 about twice f64, and beyond JavaScript", () => {
  const [f32, f64] = [wasmRegisterPeak("f32")!, wasmRegisterPeak("f64")!];
  expect(f32).toBeGreaterThan(1.2 * f64);
  expect(f64).toBeGreaterThan(1);
  expect(jsRegisterPeak(50)).toBeGreaterThan(0.2);
});
