import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fetchedVersion } from "@dlrt/peers";
import { expect, test } from "vitest";
import type { LayerReport } from "../../src/harness/layer/run.js";
import type { Report } from "../../src/harness/comparison.js";
import type { ScalingReport } from "../../src/scaling/sweep.js";
import { bench, folder, tiny, widest } from "../command.js";

test("every operation, workload and dtype runs", () => {
  const names = [
    "--operation",
    "solve,apply,inverse,trilInverse,solveVjp",
    "--workload",
    "text,random,correlated,seed",
  ];
  const rest = [
    "--dtype",
    "f32,f64",
    "--n",
    "17",
    "--no-seed-program",
    "--backends",
    "js",
    "--json",
    "all.json",
  ];
  const { status, stdout } = bench(...tiny, ...names, ...rest);
  expect(stdout).not.toContain("WRONG");
  expect(status).toBe(0);
  const report = JSON.parse(readFileSync(join(folder, "all.json"), "utf8")) as Report;
  expect(report.cases.length).toBe(5 * 4 * 2);
  for (const { rows } of report.cases) expect(rows.find(({ name }) => name === "js")!.status).toBe("ok");
});

test("the main comparison as it comes begins with a layer, and ends with what to tell", () => {
  const few = ["--backends", "js,wasm", "--threads", "1", "--repetitions", "3", "--no-seed-program"];
  const { status, stdout, stderr } = bench(...few, "--json", "main.json");
  expect([status, stderr]).toEqual([0, ""]);
  expect(widest(stdout)).toBeLessThanOrEqual(80);
  const text = stdout.replaceAll(/\s+/g, " ");
  expect(text).toContain("Measured here: such a layer, then that system alone");
  expect(text).toMatch(/(js|wasm) took 4096 tokens × 8 heads through a gated delta layer in [\d.]+ ms/);
  expect(text).toMatch(/(js|wasm) solved 4096 tokens × 8 heads in [\d.]+ ms, [\d.]+× plain JavaScript/);
  const { layers, cases } = JSON.parse(readFileSync(join(folder, "main.json"), "utf8")) as Report;
  expect(layers!.map(({ task, layer, tokens }) => [task, layer, tokens])).toEqual([
    ["prefill", "gated", 4096],
  ]);
  expect(layers![0]!.rows.map(({ name, status }) => `${name} ${status}`)).toEqual([
    ...["js ok", "wasm ok", "naive-js ok"],
  ]);
  expect(cases.map(({ sizes }) => sizes.n)).toEqual([4096]);
});

test("scaling writes its charts and points", () => {
  const sizes = ["--n", "32,64,128", "--chunk", "8", "--json", "scaling.json"];
  const { status, stdout } = bench("scaling", "charts.html", ...tiny, ...sizes);
  expect(status).toBe(0);
  expect(stdout).toContain("time ~ n^");
  expect(stdout).toContain(`Charts: ${join(folder, "charts.html")}`);
  expect(readFileSync(join(folder, "charts.html"), "utf8")).toContain('"schema":"dlrt-scaling/1"');
  const report = JSON.parse(readFileSync(join(folder, "scaling.json"), "utf8")) as ScalingReport;
  expect(new Set(report.points.map(({ n }) => n))).toEqual(new Set([32, 64, 128]));
});

test.skipIf(fetchedVersion("onnxruntime-web") === undefined || process.platform !== "linux")(
  "onnxruntime's WebGPU kernels in Chromium give a time where they are asked for and right",
  () => {
    const sizes = ["--tokens", "70", "--heads", "2", "--keys", "8", "--repetitions", "3", "--threads", "1"];
    const what = ["--task", "prefill,decoding,training", "--layer", "delta,gated"];
    const json = ["--json", "onnx-gpu.json"];
    const { stdout } = bench("layer", "--backends", "js", "--webgpu", ...sizes, ...what, ...json);
    expect(stdout).toContain("WebGPU in Chromium");
    const { cases } = JSON.parse(readFileSync(join(folder, "onnx-gpu.json"), "utf8")) as LayerReport;
    expect(cases.length).toBe(6);
    for (const { task, rows } of cases) {
      const row = rows.find(({ name }) => name === "onnxruntime-webgpu")!;
      if (task === "training") expect(row).toMatchObject({ status: "skipped", reason: "no gradients" });
      else {
        expect(row.status, row.reason).toBe("ok");
        expect(row.error!.value).toBeLessThanOrEqual(1e-5);
      }
    }
  },
);

test("layers on the WebGPU device there is, software too", () => {
  const sizes = ["--tokens", "40", "--heads", "2", "--keys", "8", "--repetitions", "3", "--no-peers"];
  const what = ["--task", "prefill,decoding,training", "--layer", "delta,gated,kda"];
  const { status, stdout } = bench(
    "layer",
    "--backends",
    "webgpu",
    ...sizes,
    ...what,
    "--json",
    "gpu-layer.json",
  );
  expect(stdout).not.toMatch(/WRONG|FAILED/);
  expect(status).toBe(0);
  const { cases } = JSON.parse(readFileSync(join(folder, "gpu-layer.json"), "utf8")) as LayerReport;
  expect(cases.length).toBe(9);
  for (const { rows } of cases) {
    expect(rows.map(({ name, status }) => [name, status])).toEqual([
      ["webgpu", "ok"],
      ["webgpu resident", "ok"],
    ]);
  }
});
