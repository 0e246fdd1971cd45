import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ScalingReport } from "../src/scaling/sweep.js";
import type { Report } from "../src/report.js";

const folder = mkdtempSync(join(tmpdir(), "dlrt-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

const main = join(import.meta.dirname, "../dist/main.js");
const tiny = [
  "--backends",
  "js",
  "--n",
  "64",
  "--d",
  "8",
  "--heads",
  "2",
  "--repetitions",
  "3",
  "--seconds",
  "1",
  "--threads",
  "1",
];

// The runner's own wish for colours is not the user's.
const { FORCE_COLOR: _, ...environment } = process.env;

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    cwd: folder,
    env: { ...environment, INIT_CWD: folder },
  });
}

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => [...line].length));
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b/;

test("end to end: a table within 100 columns, quiet when piped, and the JSON report", () => {
  const { status, stdout, stderr } = bench(...tiny, "--json", "out.json");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).not.toMatch(ESCAPES);
  expect(widest(stdout)).toBeLessThanOrEqual(100);
  for (const part of [
    "‖YT − I‖",
    "‖TY − V‖",
    "solve, text, f32: n = 64",
    "naive-js",
    "ml-matrix",
    "peak in registers: JS",
  ]) {
    expect(stdout).toContain(part);
  }
  const report = JSON.parse(readFileSync(join(folder, "out.json"), "utf8")) as Report;
  expect(report.schema).toBe("dlrt-bench/1");
  expect(report.arguments).toContain("--json");
  expect(report.machine.cores).toBeGreaterThan(0);
  expect(report.versions["node"]).toBe(process.versions.node);
  expect(Date.parse(report.started)).toBeGreaterThan(0);
  expect(report.peaks.js).toBeGreaterThan(0.1);
  const jsSeed = report.seed.filter(({ name }) => name === "js");
  expect(jsSeed.map((check) => [check.program, check.dtype, check.status])).toEqual([
    ["inverse", "f32", "ok"],
    ["product", "f32", "ok"],
    ["inverse", "f64", "ok"],
    ["product", "f64", "ok"],
  ]);
  expect(jsSeed[2]!.norm).toBeLessThan(1e-9);
  const [only] = report.cases;
  expect(only).toMatchObject({ workload: "text", operation: "solve", dtype: "f32", baseline: "naive-js" });
  expect(only!.sizes).toEqual({ batch: 2, n: 64, r: 8, p: 8 });
  expect(only!.flops).toBe(4 * 2 * 64 * 8 * 8);
  const js = only!.rows.find(({ name }) => name === "js")!;
  expect(js.status).toBe("ok");
  expect(js.ms!.samples.length).toBe(3);
  expect(js.gflops).toBeCloseTo(only!.flops / js.ms!.median / 1e6, 9);
  expect(js.ofJsPeak).toBeCloseTo(js.gflops! / report.peaks.js, 9);
  expect(js.error!.value).toBeLessThanOrEqual(16);
  expect(js.speedup!.low).toBeLessThanOrEqual(js.speedup!.high!);
});

test("a wrong backend: a line in the table, no time, exit code 1", () => {
  const { status, stdout } = bench(...tiny, "--planted", "--no-seed-program", "--json", "planted.json");
  expect(status).toBe(1);
  const line = stdout.split("\n").find((l) => l.startsWith("│ planted"))!;
  expect(line).toContain("WRONG");
  expect(line).not.toMatch(/\d\.\d+ \[/);
  const report = JSON.parse(readFileSync(join(folder, "planted.json"), "utf8")) as Report;
  const row = report.cases[0]!.rows.find(({ name }) => name === "planted")!;
  expect(row.status).toBe("wrong");
  expect(row).not.toHaveProperty("ms");
});

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

test("a user's own data, as CSV, compared with the run before", () => {
  const data = ["--data", join(import.meta.dirname, "fixtures/user.safetensors"), "--no-seed-program"];
  expect(bench(...tiny, ...data, "--json", "before.json", "--csv", "out.csv").status).toBe(0);
  expect(readFileSync(join(folder, "out.csv"), "utf8")).toMatch(/^workload,.*\r\ndata,solve,f32,2,7,4,3,/);
  const { status, stdout } = bench(...tiny, ...data, "--compare", "before.json");
  expect(status).toBe(0);
  expect(stdout).toContain("Compared with");
  expect(widest(stdout)).toBeLessThanOrEqual(100);
  const refused = bench(...tiny, "--data", "nowhere");
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/^bench: --data .*nowhere: there is no such file or folder\n$/);
});

test("--scaling writes its charts and points", () => {
  const sizes = ["--scaling", "charts.html", "--n", "32,64", "--chunk", "8", "--json", "scaling.json"];
  const { status, stdout } = bench(...tiny, ...sizes);
  expect(status).toBe(0);
  expect(stdout).toContain("time ~ n^");
  expect(stdout).toContain(`Charts: ${join(folder, "charts.html")}`);
  expect(readFileSync(join(folder, "charts.html"), "utf8")).toContain('"schema":"dlrt-scaling/1"');
  const report = JSON.parse(readFileSync(join(folder, "scaling.json"), "utf8")) as ScalingReport;
  expect(new Set(report.points.map(({ n }) => n))).toEqual(new Set([32, 64]));
});

test("--charts measures nothing, and tells what it cannot draw", () => {
  const { status, stdout, stderr } = bench("--charts", "nowhere.json");
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^bench: --charts .*nowhere\.json: ENOENT/);
});

test("--help has examples; what is not understood is refused with what is", () => {
  const help = bench("--help");
  expect(help.status).toBe(0);
  expect(help.stdout).toContain("pnpm bench --n 4096 --json run.json");
  const bad = [
    [["--n", "-1"], "at least 1"],
    [["--dtype", "f16"], "one of f32, f64"],
    [["--operation", "invert"], "one of solve, apply"],
    [["--frobnicate"], "unknown option"],
    [["stray"], "too many arguments"],
  ] as const;
  for (const [args, message] of bad) {
    const { status, stderr } = bench(...args);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  }
});
