import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../src/harness/comparison.js";
import { bench, folder, tiny, widest } from "./command.js";

// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b/;

test("end to end: a sentence, a table within 80 columns, what to tell, quiet when piped, and the JSON report", () => {
  const { status, stdout, stderr } = bench(...tiny, "--json", "out.json");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).not.toMatch(ESCAPES);
  expect(widest(stdout)).toBeLessThanOrEqual(80);
  for (const part of [
    "‖YT − I‖",
    "‖TY − V‖",
    "solve, text, f32: n = 64",
    "naive-js",
    "ml-matrix",
    "×: times as fast as naive-js",
  ]) {
    expect(stdout).toContain(part);
  }
  const text = stdout.replaceAll(/\s+/g, " ");
  expect(text).toContain("peak in registers: JS");
  expect(text).toMatch(/^Layers of linear attention .* Measured here: that system, on every backend;/);
  expect(text).toMatch(
    /js solved 64 tokens × 2 heads in [\d.e-]+ ms, [\d.]+× plain JavaScript; the answer is right to [\d.]+ ε\. $/,
  );
  const report = JSON.parse(readFileSync(join(folder, "out.json"), "utf8")) as Report;
  expect(report).not.toHaveProperty("layers");
  expect(report.schema).toBe("dlrt-bench/1");
  expect(report.arguments).toContain("--json");
  expect(report.machine.cores).toBeGreaterThan(0);
  expect(report.versions["node"]).toBe(process.versions.node);
  expect(Date.parse(report.started)).toBeGreaterThan(0);
  expect(report.peaks.js).toBeGreaterThan(0);
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

test("without peers nothing is said of them", () => {
  const { status, stdout } = bench(...tiny, "--no-seed-program", "--no-peers");
  expect(status).toBe(0);
  const head = stdout.split("\n").find((line) => line.includes("error / ε"))!;
  expect(head.split("│").map((cell) => cell.trim())).toEqual([
    "",
    "",
    "ms",
    "±",
    "GF/s",
    "of peak",
    "error / ε",
    "",
  ]);
  expect(stdout).not.toContain("naive-js");
  expect(stdout).toMatch(/ms; the answer is right\s+to [\d.]+ ε\.\n$/);
});

test("a user's own data, as CSV, compared with the run before", () => {
  const data = ["--data", join(import.meta.dirname, "fixtures/user.safetensors"), "--no-seed-program"];
  expect(bench(...tiny, ...data, "--json", "before.json", "--csv", "out.csv").status).toBe(0);
  expect(readFileSync(join(folder, "out.csv"), "utf8")).toMatch(/^workload,.*\r\ndata,solve,f32,2,7,4,3,/);
  const { status, stdout } = bench("compare", "before.json", ...tiny, ...data);
  expect(status).toBe(0);
  expect(stdout).toContain("Compared with");
  const ownPath = (line: string): boolean => line.includes("user.safetensors"); // it is as long as it is
  const rest = stdout.split("\n").filter((line) => !ownPath(line));
  expect(widest(rest.join("\n"))).toBeLessThanOrEqual(80);
  const refused = bench(...tiny, "--data", "nowhere");
  expect([refused.status, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toMatch(/^bench: --data .*nowhere: there is no such file or folder\n$/);
});

test("--decay: a case each, and peers that cannot say so", () => {
  const { status, stdout } = bench(
    ...tiny,
    "--no-seed-program",
    "--decay",
    "none,row",
    "--json",
    "decay.json",
  );
  expect(status).toBe(0);
  expect(widest(stdout)).toBeLessThanOrEqual(80);
  expect(stdout).toContain("decay by row");
  expect(stdout).toContain("ml-matrix: 6.15.1");
  const { cases } = JSON.parse(readFileSync(join(folder, "decay.json"), "utf8")) as Report;
  expect(cases.map(({ decay }) => decay)).toEqual(["none", "row"]);
  const statuses = cases.map(({ rows }) => rows.find(({ name }) => name === "ml-matrix")!);
  expect(statuses[0]!.status).toBe("ok");
  expect(statuses[1]).toMatchObject({ status: "skipped", reason: "computes without decay" });
  expect(cases[1]!.rows.find(({ name }) => name === "js")!.status).toBe("ok");
});

test("charts measures nothing, and tells what it cannot draw", () => {
  const { status, stdout, stderr } = bench("charts", "nowhere.json");
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^bench: charts .*nowhere\.json: ENOENT/);
});

test("a mode's flag of before: a line that names the command", () => {
  const { status, stdout, stderr } = bench("--gpu-report", "--n", "4");
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toBe("bench: --gpu-report: expected the command bench gpu, got the flag of before\n");
});

test("--help has examples; what is not understood is refused with what is", () => {
  const help = bench("--help");
  expect(help.status).toBe(0);
  for (const command of ["scaling", "compare", "charts", "gpu", "peers"]) {
    expect(help.stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  }
  expect(help.stdout).toContain("pnpm bench --n 4096,65536 --json run.json");
  const { status, stderr } = bench("--frobnicate");
  expect(status).toBe(2);
  expect(stderr).toContain("unknown option");
});
