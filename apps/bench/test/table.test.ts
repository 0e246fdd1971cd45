import { expect, test, vi } from "vitest";
import { render } from "../src/command-line/text/comparison.js";
import { SCHEMA } from "../src/harness/comparison.js";
import type { CaseReport, Row } from "../src/harness/report.js";
import { figures } from "../src/harness/words.js";
import { caseTable } from "../src/command-line/text/case.js";
import { interval, wrap } from "../src/command-line/text/table.js";

const base = { kind: "backend", build: "b" } as const;
const rows: Row[] = [
  {
    ...base,
    name: "wasm ×128",
    status: "ok",
    error: { value: 0.00012345, limit: 16 },
    ms: { median: 123456.789, mad: 0.00001234, samples: [1, 2, 3] },
    gflops: 0.000123456,
    ofJsPeak: 0.5,
    ofCeiling: 0.25,
    speedup: { value: 0.00123456, low: 0.000123456, high: 123456.7 },
  },
  { ...base, name: "planted", status: "wrong", error: { value: null, limit: 16 } },
  { ...base, name: "broken", status: "failed", reason: "a ".repeat(150) },
  { ...base, name: "spared", status: "skipped", reason: "would take minutes" },
];
const report: CaseReport = {
  ...{ workload: "text", about: "words ".repeat(40), operation: "trilInverse", dtype: "f64", flops: 1 },
  sizes: { batch: 8, n: 65536, r: 128, p: 64 },
  chunk: 128,
  baseline: "ml-matrix",
  rows,
};

test("every line within 80 columns, whatever the figures", () => {
  for (const line of caseTable(report, false).split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
});

test.each([40, 120])("a text fills a terminal of %i columns, and keeps its margin and indent", (columns) => {
  vi.stubGlobal("process", { stdout: { columns } });
  try {
    const [first, ...further] = wrap(`  ${"words ".repeat(60).trim()}`, "    ").split("\n");
    expect(first).toMatch(/^ {2}words/);
    expect(further.length).toBeGreaterThan(1);
    for (const line of further) expect(line).toMatch(/^ {4}words/);
    const longest = Math.max(...[first!, ...further].map((line) => line.length));
    expect(longest).toBeLessThanOrEqual(columns);
    expect(longest + " words".length).toBeGreaterThan(columns);
  } finally {
    vi.unstubAllGlobals();
  }
});

test("a device's upload, compute and readback stand in the note below the table", () => {
  const phases = { upload: 1.2, compute: 3.14, readback: 0.9, uploadBytes: 4e6, readbackBytes: 1e6 };
  const [timed] = rows;
  const text = (computeBy: "timestamps" | "sync"): string =>
    caseTable({ ...report, rows: [{ ...timed!, phases: { ...phases, computeBy } }] }, false);
  expect(text("timestamps").replaceAll(/\s+/g, " ")).toContain(
    "upload 1.20 ms, compute 3.14 ms (timestamps), readback 0.900 ms",
  );
  expect(text("sync")).toContain("(sync)");
});

test("wrong and failed stand in red, and without a figure", () => {
  const red = caseTable(report, true)
    .split("\n")
    .filter((line) => line.startsWith("\u001b[31m"));
  expect(red.map((line) => /│ (\w+)/.exec(line)![1])).toEqual(["planted", "broken"]);
  expect(red[0]).toContain("WRONG");
  expect(red[0]).toContain("∞ or NaN");
  expect(red[0]!.replace("[31m", "").replace("[39m", "")).not.toMatch(/\d/);
  expect(caseTable(report, false)).not.toContain("\u001b");
});

test("what to tell: the fastest of ours that was right, beside plain JavaScript where that ran", () => {
  const timing = (median: number): NonNullable<Row["ms"]> => ({ median, mad: 0, samples: [median] });
  const timed = (name: string, kind: Row["kind"], ms: number): Row => ({
    ...{ name, kind, build: "b", status: "ok", error: { value: 2.21, limit: 16 }, ms: timing(ms), gflops: 1 },
  });
  const told = (all: readonly Row[]): string => {
    const one = {
      ...report,
      operation: "solve",
      sizes: { batch: 8, n: 4096, r: 64, p: 64 },
      rows: all,
    } as const;
    const of = { peaks: { js: 1, wasm: { f32: null, f64: null } }, seed: [], missing: [], seconds: 3 };
    const machine = { cpu: "c", cores: 1, memoryGiB: 1, platform: "p" };
    const run = {
      schema: SCHEMA as typeof SCHEMA,
      started: "",
      arguments: [],
      machine,
      versions: {},
      commit: null,
    };
    const text = render({ ...run, ...of, cases: [one] }, false);
    return text.slice(text.indexOf("\n3 s") + 1).replaceAll(/\s+/g, " ");
  };
  const [js, wasm, naive] = [
    timed("js", "backend", 90),
    timed("wasm", "backend", 13),
    timed("naive-js", "peer", 468),
  ];
  expect(told([js, wasm, naive, rows[1]!])).toBe(
    "3 s wasm solved 4096 tokens × 8 heads in 13 ms, 36× plain JavaScript; the answer is right to 2.2 ε.",
  );
  expect(told([js])).toBe("3 s js solved 4096 tokens × 8 heads in 90 ms; the answer is right to 2.2 ε.");
  expect(told([rows[1]!, naive])).toBe("3 s");
});

test("figures keep three digits and no trailing exponent where they fit", () => {
  const shown = [0, 0.001234, 0.0001234, 1.2345, 12.345, 123.45, 870.4, 1234.5, 1.5e7, -2.5].map((x) =>
    figures(x),
  );
  expect(shown).toEqual([
    "0.00",
    "0.00123",
    "1.23e-4",
    "1.23",
    "12.3",
    "123",
    "870",
    "1235",
    "1.50e+7",
    "-2.50",
  ]);
  expect(figures(870, 2)).toBe("870");
  expect(interval({ value: 2, low: 1.5, high: 2.25 })).toBe("2.00 [1.5–2.3]");
  expect(interval({ value: 2 })).toBe("2.00");
});

test("long lines are continued, margins kept", () => {
  expect(wrap("  a b")).toBe("  a b");
  const text = wrap(`  ${"word ".repeat(40)}`, "    ");
  const lines = text.split("\n");
  expect(lines.length).toBeGreaterThan(1);
  expect(lines[0]).toMatch(/^ {2}word/);
  expect(lines[1]).toMatch(/^ {4}word/);
  expect(text.split(/\s+/).filter(Boolean).length).toBe(40);
});
