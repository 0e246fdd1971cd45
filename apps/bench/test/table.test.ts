import { expect, test } from "vitest";
import type { CaseReport, Row } from "../src/report.js";
import { caseTable, figures, interval, wrap } from "../src/table.js";

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
