import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, expect, test } from "vitest";
import { chartsOf } from "../src/charts/index.js";
import { chartsCommand } from "../src/command-line/commands/charts.js";
import { LAYER_SCHEMA, type LayerCase, type LayerReport, type LayerRow } from "../src/harness/layer/run.js";
import { SCHEMA, type Report } from "../src/harness/comparison.js";
import type { Row } from "../src/harness/report.js";
import { SCALING_SCHEMA, type Point, type ScalingReport } from "../src/scaling/sweep.js";

const folder = mkdtempSync(join(tmpdir(), "dlrt-charts-"));
afterAll(() => rmSync(folder, { recursive: true }));

const where = {
  started: "2026-01-02T03:04:05.000Z",
  machine: { cpu: "Some <CPU> & more", cores: 2, memoryGiB: 8, platform: "linux x64" },
  versions: { node: "20.0.0" },
  commit: "0123456789abcdef",
  missing: [],
};

function timed(name: string, gflops: number, extra: Partial<Row> = {}): Row {
  const ms = { median: 1 / gflops, mad: 0, samples: [1 / gflops] };
  const error = { value: 1.25, limit: 16 };
  return {
    name,
    kind: "backend",
    build: "b",
    status: "ok",
    error,
    ms,
    gflops,
    speedup: { value: 3 },
    ...extra,
  };
}

const unfit = { kind: "peer", build: "b" } as const;
const rows: Row[] = [
  timed("js", 4, { ofCeiling: 0.5 }),
  timed("wasm", 32, { ofCeiling: 0.5 }),
  timed("webgpu", 1, { note: "software device: no measure of speed" }),
  timed("naive-js", 0.5, { kind: "peer" }),
  { ...unfit, name: "planted", status: "wrong", error: { value: 1e6, limit: 16 } },
  { ...unfit, name: "spared", status: "skipped", reason: "left out" },
  { ...unfit, name: "broken", status: "failed", reason: "fell over" },
];

function caseOf(n: number, of: readonly Row[]): Report["cases"][number] {
  return {
    ...{ workload: "text", about: "", operation: "solve", dtype: "f32", chunk: null, flops: 1 },
    sizes: { batch: 1, n, r: 64, p: 64 },
    baseline: "naive-js",
    rows: of,
  };
}

const report: Report = {
  ...{ schema: SCHEMA, seconds: 1, arguments: [], seed: [], ...where },
  peaks: { js: 8, wasm: { f32: 64, f64: 32 } },
  cases: [caseOf(4096, rows), caseOf(65536, rows.slice(1, 2)), caseOf(99, rows.slice(4))],
};

function points(name: string, status: Point["status"], more: Partial<Point> = {}): Point[] {
  return (["solve", "inverse"] as const).flatMap((sweep) =>
    [64, 128, 256].map((n) => ({
      ...{ sweep, name, n, chunk: null, status },
      ...(status === "ok" && { ms: n ** (sweep === "solve" ? 1 : 2) }),
      ...more,
    })),
  );
}

const scaling: ScalingReport = {
  ...{ schema: SCALING_SCHEMA, workload: "text", d: 64, ...where },
  points: [
    ...points("js", "ok"),
    ...points("webgpu", "ok", { note: "software device" }),
    ...points("planted", "wrong"),
    { sweep: "chunk", name: "js", n: 64, chunk: 8, status: "ok", ms: 1 },
  ],
  fits: [{ sweep: "solve", name: "js", sizes: [64, 128, 256], exponent: 1.015, error: 0.01 }],
};

const only = (of: Report | ScalingReport): string => {
  const charts = [...chartsOf(of).values()];
  expect(charts.length).toBe(1);
  return charts[0]!;
};
const parsed = (svg: string): Element => parseHTML(svg).document.documentElement;
const texts = (svg: string): string[] =>
  [...parsed(svg).querySelectorAll("text")].map(({ textContent }) => textContent!);
const widths = (svg: string): number[] =>
  [...parsed(svg).querySelectorAll("[aria-label=bar] rect")].map((bar) => Number(bar.getAttribute("width")));

test("a bar for every contender that has a time, under its size, and none for another", () => {
  const svg = only(report);
  const shown = texts(svg);
  expect(widths(svg).length).toBe(5);
  expect(shown.filter((text) => text === "wasm").length).toBe(2);
  for (const name of ["js", "webgpu (software)", "naive-js"]) {
    expect(shown.filter((text) => text === name).length).toBe(1);
  }
  expect(svg).not.toMatch(/planted|spared|broken|webgpu</);
  const headings = shown.filter((text) => text.startsWith("n = "));
  expect(headings.map((text) => text.split(",")[0])).toEqual(["n = 4096", "n = 65536"]);
});

test("bars as long as the logarithm of the speed, peaks where there are any", () => {
  const svg = only(report);
  const [js, wasm, webgpu, naive] = widths(svg);
  // 8 = 2³ times as fast as js, js 2² times as fast as webgpu, webgpu 2¹ times as fast as naive-js.
  const octave = (wasm! - js!) / 3;
  expect(octave).toBeGreaterThan(10);
  expect((js! - webgpu!) / octave).toBeCloseTo(2, 9);
  expect((webgpu! - naive!) / octave).toBeCloseTo(1, 9);
  const ticks = [...parsed(svg).querySelectorAll("[aria-label=tick] line")];
  const at = ticks.map((tick) => Number(tick.getAttribute("x1")));
  expect(at.length).toBe(3);
  expect((at[1]! - at[0]!) / octave).toBeCloseTo(3, 9);
});

test("both have a title, axes with units, and the machine and the day", () => {
  for (const [svg, title, axes] of [
    [only(report), "Speed of solve: longer is better", ["GF/s: 10⁹ useful flops per second, logarithmic"]],
    [only(scaling), "Time of a call against n", ["n, rows of T", "ms"]],
  ] as const) {
    const shown = texts(svg).join("\n");
    for (const part of [title, ...axes, "Some <CPU> & more, 2 cores", "2026-01-02, commit 01234567"]) {
      expect(shown).toContain(part);
    }
    expect(svg).not.toContain("<CPU>");
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  }
});

test("the same report gives the same bytes", () => {
  for (const one of [report, scaling]) {
    const again = JSON.parse(JSON.stringify(one)) as typeof one;
    expect(only(again)).toBe(only(one));
    expect(only({ ...again, started: "2026-01-03T00:00:00.000Z" })).not.toBe(only(one));
  }
});

test("growth: a line for each operation of what has times, fitted exponents beside it", () => {
  const svg = only(scaling);
  expect(parsed(svg).querySelectorAll("[aria-label=line] path").length).toBe(4);
  expect(parsed(svg).querySelectorAll("[aria-label=dot] circle").length).toBe(12);
  expect(svg).not.toContain("planted");
  const shown = texts(svg);
  expect(shown).toEqual(expect.arrayContaining(["solve", "inverse", "● js", "● webgpu (software)", "1.01"]));
  expect(shown.filter((text) => text === "–").length).toBe(3);
});

const layerRow = (name: string, min: number, status: LayerRow["status"] = "ok"): LayerRow => ({
  ...{ name, kind: "peer", build: "b", status },
  ...(status === "ok" && { ms: { min, median: 2 * min, calls: 9 } }),
});

const layerCase = (layer: LayerCase["layer"], tokens: number, rows: readonly LayerRow[]): LayerCase => ({
  ...{ task: "prefill", layer, tokens, heads: 8, K: 64, V: 64, about: "", flops: 1, baseline: null, rows },
});

const layers: LayerReport = {
  ...{ schema: LAYER_SCHEMA, seconds: 1, arguments: [], ...where },
  cases: [256, 512, 1024].flatMap((T) => [
    layerCase("gated", T, [layerRow("wasm", T), layerRow("wasm ×2", T), layerRow("wasm resident", T)]),
    layerCase("softmax", T, [layerRow("wasm", 1, "skipped"), layerRow("onnxruntime-web", T * T)]),
  ]),
};

test("layers: a line for each that was timed with one thread, from arrays to arrays, with its exponent", () => {
  const chart = chartsOf(layers).get("layers.svg")!;
  const { document } = parseHTML(chart);
  const shown = [...document.querySelectorAll("text")].map(({ textContent }) => textContent);
  expect(shown).toEqual(
    expect.arrayContaining([
      "● gated delta rule, wasm",
      "1.00",
      "● softmax attention, onnxruntime-web",
      "2.00",
    ]),
  );
  expect(shown.filter((text) => text?.startsWith("●")).length).toBe(2);
  expect(shown.join(" ")).toContain("8 heads of 64/64");
  expect(chartsOf(layers).get("layers.svg")).toBe(chart);
  const one = { ...layers, cases: layers.cases.slice(0, 2) };
  const mixed = { ...layers, cases: [...layers.cases, { ...layers.cases[0]!, heads: 4 }] };
  for (const none of [one, mixed]) expect(chartsOf(none).size).toBe(0);
});

test("nothing timed, nothing drawn", () => {
  expect(chartsOf({ ...report, cases: report.cases.slice(2) }).size).toBe(0);
  expect(chartsOf({ ...scaling, points: points("planted", "wrong") }).size).toBe(0);
});

test("the command writes a file for each chart, and refuses what is no report or the same chart twice", () => {
  const path = (name: string, content: unknown): string => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  const [run, sweep] = [path("run.json", report), path("sweep.json", scaling)];
  const out = join(folder, "out");
  expect(chartsCommand([run, sweep], out)).toContain(join(out, "growth.svg"));
  expect(readdirSync(out).sort()).toEqual(["growth.svg", "speed-solve.svg"]);
  expect(readFileSync(join(out, "speed-solve.svg"), "utf8")).toBe(only(report));
  expect(() => chartsCommand([run, run], out)).toThrow(/run\.json: another file draws speed-solve\.svg too/);
  expect(() => chartsCommand([path("no.json", { schema: "x" })], out)).toThrow(/charts .*no\.json: expected/);
});

// Elsewhere a checkout may have other line ends.
test.runIf(process.platform === "linux")("the README's charts are what its command draws", () => {
  const root = join(import.meta.dirname, "../../..");
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, files] = /bench charts ((?:\S+\.json[\s\\]*)+)/.exec(readme)!;
  const paths = files!.split(/[\s\\]+/).filter(Boolean);
  const out = join(folder, "readme");
  chartsCommand(
    paths.map((path) => join(root, path)),
    out,
  );
  const shown = [...readme.matchAll(/\((\S+\/charts\/(\S+\.svg))\)/g)];
  expect(shown.length).toBeGreaterThan(1);
  for (const [, path, name] of shown) {
    expect(readFileSync(join(out, name!), "utf8")).toBe(readFileSync(join(root, path!), "utf8"));
  }
});
