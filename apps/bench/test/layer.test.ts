import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createJsBackend } from "@dlrt/backend-js";
import { fetchedVersion } from "@dlrt/peers";
import { afterAll, describe, expect, test } from "vitest";
import { createBackends } from "../src/command-line/backends.js";
import { openWebGpuPage } from "../src/peers/browser.js";
import { layerCases } from "../src/command-line/layer-cases.js";
import { layerBackends } from "../src/command-line/commands/layer.js";
import { layerContenders, type LayerContender } from "../src/harness/layer/contender.js";
import { layerJudge } from "../src/harness/layer/judge.js";
import { naiveLayer } from "../src/harness/layer/naive.js";
import { openNumpyLayer } from "../src/peers/numpy-layer.js";
import { openOnnx } from "../src/peers/onnx.js";
import { plantedLayer } from "../src/harness/layer/planted.js";
import { LAYER_NAMES, TASK_NAMES } from "../src/harness/layer/names.js";
import { layerFlops, layerProblem, type LayerRequest } from "../src/harness/layer/problem.js";
import type { LayerReport } from "../src/harness/layer/run.js";
import { layerTable } from "../src/command-line/text/layer.js";
import { bench, folder, widest } from "./command.js";

const small = { tokens: 70, heads: 3, K: 12, V: 20, about: "a test" };
const layers = LAYER_NAMES.filter((name) => name !== "softmax");
const requests = TASK_NAMES.flatMap((task) =>
  layers.map((layer): LayerRequest => ({
    task,
    layer,
    ...small,
    tokens: task === "decoding" ? 1 : small.tokens,
  })),
);

const found = [
  ...(await createBackends({ only: ["js", "wasm"], threads: [1, 2] })).opened.flatMap(layerContenders),
  naiveLayer,
  await openNumpyLayer(),
  ...(await openOnnx([1])),
];
const contenders = found.filter((one): one is LayerContender => "open" in one);
afterAll(async () => {
  for (const contender of contenders) await contender.dispose();
});

test("everyone is there who can be", () => {
  const names = contenders.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["js", "wasm", "wasm resident", "wasm ×2", "naive-js"]));
  expect(names).not.toContain("js resident");
  for (const peer of ["onnxruntime-node", "onnxruntime-web"] as const) {
    expect(names.includes(peer)).toBe(fetchedVersion(peer) !== undefined);
    const missing = found.find(({ name }) => name === peer);
    if (fetchedVersion(peer) === undefined) {
      expect(missing).toMatchObject({ reason: expect.stringContaining("pnpm bench peers fetches it") });
    }
  }
});

test.skipIf(fetchedVersion("onnxruntime-web") !== undefined)(
  "no Chromium without what runs in it",
  async () => {
    const reason = expect.stringContaining("pnpm bench peers fetches it");
    expect(await openWebGpuPage()).toEqual([
      { name: "onnxruntime-webgpu", reason },
      { name: "webgpu in Chromium", reason },
    ]);
  },
);

test("the table says how ours compares with onnxruntime's kernel in the same page", () => {
  const rows = Object.entries({
    "onnxruntime-webgpu": 12,
    "onnxruntime-webgpu resident": 10,
    "webgpu in Chromium": 4,
    "webgpu in Chromium resident": 2,
  }).map(([name, min]) => ({
    ...({ name, kind: "backend", build: "", status: "ok" } as const),
    ms: { min, median: 100, calls: 1 },
  }));
  const one = { ...requests[0]!, flops: 1, baseline: null, rows };
  expect(layerTable(one, false)).toContain(
    "  webgpu in Chromium: 3.00 times as fast as onnxruntime-webgpu\n",
  );
  expect(layerTable(one, false)).toContain(
    "  webgpu in Chromium resident: 5.00 times as fast as onnxruntime-webgpu resident",
  );
  const alone = layerTable({ ...one, rows: rows.slice(2) }, false);
  expect(alone).not.toContain("times as fast");
});

describe.each(contenders.map((contender) => [contender.name, contender]))("%s", (_, contender) => {
  test.each(requests.map((request) => [request.task, request.layer, request]))(
    "%s, %s: right in every call, or refused with a reason",
    async (task, layer, request) => {
      const problem = layerProblem(request, 3);
      const refusal = contender.refuses(problem);
      if (refusal !== undefined) {
        expect(contender.kind).toBe("peer");
        expect(task === "training" || layer === "kda", refusal).toBe(true);
        return;
      }
      const judge = await layerJudge(problem);
      const run = contender.open(problem);
      try {
        await run.call();
        const first = judge(await run.read(), contender.kind);
        expect(first.value).toBeLessThanOrEqual(first.limit);
        const times = await run.times!(3);
        expect(times.length).toBe(3);
        for (const ms of times) expect(ms).toBeGreaterThan(0);
        expect(judge(await run.read(), contender.kind)).toEqual(first);
      } finally {
        run.close();
      }
    },
  );
});

test("softmax attention: by onnxruntime where it is there, by nobody else; the judge sees a wrong row", async () => {
  const problem = layerProblem({ task: "prefill", layer: "softmax", ...small, tokens: 300, K: 20 }, 3);
  const judge = await layerJudge(problem);
  for (const contender of contenders) {
    const onnx = contender.name.startsWith("onnxruntime");
    expect(contender.refuses(problem) === undefined, contender.name).toBe(onnx);
    expect(contender.refuses({ ...problem, task: "training" })).toBeDefined();
    if (!onnx) continue;
    const run = contender.open(problem);
    await run.call();
    const [output] = await run.read();
    expect(judge([output!], "peer").value).toBeLessThanOrEqual(1e-6);
    expect(judge([output!.map((x) => x * 1.001)], "peer").value).toBeGreaterThan(1e-4);
  }
  // The first token sees itself alone, the last all of them: uniform weights where the query is 0.
  const flat = { ...problem, query: new Float32Array(problem.query.length) };
  const mean = new Float32Array(problem.value.length);
  const sums = new Float64Array(small.heads * 20);
  for (let t = 0; t < 300; t++) {
    for (let c = 0; c < sums.length; c++) {
      sums[c]! += problem.value[t * sums.length + c]!;
      mean[t * sums.length + c] = sums[c]! / (t + 1);
    }
  }
  expect((await layerJudge(flat))([mean], "peer").value).toBeLessThan(1e-7);
});

test("nothing stays in a backend", async () => {
  const backend = createJsBackend();
  for (const request of requests) {
    for (const contender of layerContenders({ name: "js", backend })) {
      const run = contender.open(layerProblem(request, 1));
      await run.times!(2);
      run.close();
      expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    }
  }
});

test("the judge sees one wrong element of any result, a NaN, and a result that is not there", async () => {
  for (const request of requests) {
    const problem = layerProblem(request, 5);
    const judge = await layerJudge(problem);
    const [js] = layerContenders({ name: "js", backend: createJsBackend() });
    const run = js!.open(problem);
    await run.call();
    const outputs = await run.read();
    expect(outputs.length).toBe(request.task !== "training" ? 2 : request.layer === "delta" ? 5 : 6);
    for (const [at, output] of outputs.entries()) {
      const size = Float64Array.from(output).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      for (const wrong of [2e-6 * size, Number.NaN]) {
        const changed = outputs.map((x) => x.slice());
        changed[at]![output.length >> 1]! += wrong;
        const { value, limit } = judge(changed, "backend");
        expect(value <= limit, `${request.task} ${request.layer}, result ${at}`).toBe(false);
      }
    }
    expect(judge(outputs.slice(1), "backend").value).toBe(Infinity);
    run.close();
  }
});

test("inputs: packed rows of unit queries and keys, β in (0, 1), gates below 0, the same from the same seed", () => {
  const problem = layerProblem({ task: "prefill", layer: "kda", ...small }, 1);
  for (const rows of [problem.query, problem.key]) {
    for (let at = 0; at < rows.length; at += 12)
      expect(Math.hypot(...rows.subarray(at, at + 12))).toBeCloseTo(1, 5);
  }
  expect(problem.value.length).toBe(70 * 3 * 20);
  expect(problem.decay!.length).toBe(70 * 3 * 12);
  expect(problem.decay!.every((g) => g < 0)).toBe(true);
  expect(problem.beta.every((b) => b > 0 && b < 1)).toBe(true);
  expect(layerProblem({ task: "prefill", layer: "kda", ...small }, 1)).toEqual(problem);
  expect(layerProblem({ task: "prefill", layer: "kda", ...small }, 2).key).not.toEqual(problem.key);
  // the heads of one token decay at rates of their own, those of one head stay alike
  const { decay } = layerProblem({ task: "prefill", layer: "gated", ...small }, 1);
  const mean = (h: number): number => decay!.filter((_, i) => i % 3 === h).reduce((a, b) => a + b, 0) / 70;
  expect(new Set([mean(0), mean(1), mean(2)]).size).toBe(3);
  expect(layerFlops({ layer: "kda", tokens: 2, heads: 3, K: 5, V: 7 })).toBe(6 * 2 * 3 * 5 * 7);
  expect(layerFlops({ layer: "softmax", tokens: 2, heads: 3, K: 5, V: 7 })).toBe(2 * 3 * 3 * (5 + 7));
});

test("a device is measured where it is asked for", () => {
  const asked = { threads: [1], peers: false, planted: false, save: false, seed: 1, repetitions: 3 };
  expect(layerBackends({ ...asked, webgpu: false })).toEqual(["js", "wasm"]);
  expect(layerBackends({ ...asked, webgpu: true })).toEqual(["js", "wasm", "webgpu"]);
  expect(layerBackends({ ...asked, webgpu: true, backends: ["webgpu"] })).toEqual(["webgpu"]);
  expect(layerBackends({ ...asked, webgpu: false, backends: ["js"] })).toEqual(["js"]);
});

test("cases: those of models, or sizes of one's own", () => {
  expect(layerCases({}).length).toBe(8);
  expect(layerCases({ task: ["decoding"] }).map(({ tokens }) => tokens)).toEqual([1]);
  expect(layerCases({ layer: ["kda"] }).map(({ heads }) => heads)).toEqual([16]);
  expect(layerCases({ heads: 2, keys: 8, task: ["decoding"] })).toEqual([
    { task: "decoding", layer: "gated", tokens: 1, heads: 2, K: 8, V: 8, about: "sizes of your own" },
  ]);
  expect(layerCases({ tokens: [7, 9], layer: ["softmax"] }).map(({ tokens }) => tokens)).toEqual([7, 9]);
  expect(layerCases({ layer: ["softmax"] })).toMatchObject([{ task: "prefill", tokens: 1024, heads: 16 }]);
  expect(layerCases({ tokens: [9], values: 4, layer: ["delta", "kda"] })).toMatchObject([
    { layer: "delta", tokens: 9, heads: 16, K: 128, V: 4 },
    { layer: "kda" },
  ]);
});

describe("bench layer", () => {
  const sizes = ["--tokens", "40", "--heads", "2", "--keys", "8", "--values", "4"];
  const quick = [...sizes, "--repetitions", "3", "--seconds", "600", "--threads", "1"];

  test("a table within 80 columns and the JSON report", () => {
    const tasks = ["--task", "prefill,decoding,training", "--layer", "delta,kda"];
    const { status, stdout, stderr } = bench(
      "layer",
      "--backends",
      "js",
      ...quick,
      ...tasks,
      "--json",
      "layer.json",
    );
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain("delta rule, prompt: T = 40, 2 heads of 8/4");
    expect(text).toMatch(/naive-js[^:]*: no gradients/);
    expect(text).toContain("one token");
    const report = JSON.parse(readFileSync(join(folder, "layer.json"), "utf8")) as LayerReport;
    expect(report.schema).toBe("dlrt-layer/1");
    expect(report.cases.map(({ task, layer }) => `${task} ${layer}`)).toEqual(
      ["prefill", "decoding", "training"].flatMap((task) => [`${task} delta`, `${task} kda`]),
    );
    for (const { rows, baseline, task } of report.cases) {
      const js = rows.find(({ name }) => name === "js")!;
      expect(js).toMatchObject({ status: "ok", kind: "backend" });
      expect(js.error!.value).toBeLessThanOrEqual(1e-6);
      expect(js.ms!.min).toBeLessThanOrEqual(js.ms!.median);
      expect(baseline === null).toBe(task === "training");
      const base = rows.find(({ name }) => name === baseline);
      if (base) expect(js.speedup).toBeCloseTo(base.ms!.min / js.ms!.min, 9);
    }
  });

  test("a wrong layer: a line in the table, no time, exit code 1", () => {
    const { status, stdout } = bench("layer", "--backends", "js", ...quick, "--no-peers", "--planted");
    expect(status).toBe(1);
    expect(stdout.split("\n").find((line) => line.startsWith("│ planted"))).toContain("WRONG");
    expect(stdout).not.toContain("│ naive-js");
    const head = stdout.split("\n").find((line) => line.includes("min ms"))!;
    expect(head.split("│").map((cell) => cell.trim())).toEqual([
      ...["", "", "min ms", "median", "GF/s", "error", ""],
    ]);
    expect(stdout).toContain(plantedLayer.build);
  });
});
