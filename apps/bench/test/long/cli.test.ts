import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LayerReport } from "../../src/layer/run.js";
import type { Report } from "../../src/report.js";
import type { ScalingReport } from "../../src/scaling/sweep.js";
import { bench, folder, tiny } from "../command.js";

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

test("scaling writes its charts and points", () => {
  const sizes = ["--n", "32,64", "--chunk", "8", "--json", "scaling.json"];
  const { status, stdout } = bench("scaling", "charts.html", ...tiny, ...sizes);
  expect(status).toBe(0);
  expect(stdout).toContain("time ~ n^");
  expect(stdout).toContain(`Charts: ${join(folder, "charts.html")}`);
  expect(readFileSync(join(folder, "charts.html"), "utf8")).toContain('"schema":"dlrt-scaling/1"');
  const report = JSON.parse(readFileSync(join(folder, "scaling.json"), "utf8")) as ScalingReport;
  expect(new Set(report.points.map(({ n }) => n))).toEqual(new Set([32, 64]));
});

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
