import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compare, readReport, renderChanges } from "../src/command-line/compare.js";
import { csv } from "../src/command-line/csv.js";
import { savePath } from "../src/command-line/saved.js";
import { SCHEMA, type Report } from "../src/harness/comparison.js";
import type { Row } from "../src/harness/report.js";
import { ratio, summarise } from "../src/harness/stats.js";

const folder = mkdtempSync(join(tmpdir(), "dlrt-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

function row(name: string, ms: number[], base: number[]): Row {
  return {
    name,
    kind: "backend",
    build: 'b "1", 2',
    status: "ok",
    error: { value: 1, limit: 16 },
    ms: summarise(ms),
    gflops: 1,
    ofJsPeak: 0.5,
    speedup: ratio(base, ms),
  };
}

const around = (ms: number, spread = 0.01): number[] => [-2, -1, 0, 1, 2].map((t) => ms * (1 + t * spread));

function report(times: Record<string, number[]>, extra: readonly Row[] = []): Report {
  const base = times["naive-js"] ?? [1, 1, 1];
  return {
    schema: SCHEMA,
    started: "2026-01-02T03:04:05.000Z",
    seconds: 1,
    arguments: [],
    machine: { cpu: "Some CPU @ 3.0GHz", cores: 2, memoryGiB: 8, platform: "linux x64" },
    versions: { node: "20.0.0" },
    commit: "0123456789abcdef",
    peaks: { js: 10, wasm: { f32: null, f64: null } },
    seed: [],
    missing: [],
    cases: [
      {
        ...{ workload: "text", about: "", operation: "solve", dtype: "f32", chunk: null, flops: 1 },
        sizes: { batch: 1, n: 2, r: 3, p: 3 },
        baseline: "naive-js",
        rows: [...Object.entries(times).map(([name, ms]) => row(name, ms, base)), ...extra],
      },
    ],
  };
}

const verdicts = (before: Report, after: Report): Record<string, string> =>
  Object.fromEntries(compare(before, after).map(({ name, verdict }) => [name, verdict]));

test("faster, slower, within noise, and too few samples to tell", () => {
  const before = report({
    a: around(10),
    b: around(10),
    c: around(10, 0.2),
    d: [10],
    "naive-js": around(100),
  });
  const after = report({ a: around(5), b: around(20), c: around(11, 0.2), d: [5], "naive-js": around(100) });
  expect(verdicts(before, after)).toEqual({
    a: "faster",
    b: "slower",
    c: "within noise",
    d: "too few samples",
    "naive-js": "within noise",
  });
});

test("a machine that is twice as slow for all is no change but to the baseline itself", () => {
  const before = report({ a: around(10), "naive-js": around(100) });
  const after = report({ a: around(20), "naive-js": around(200) });
  expect(verdicts(before, after)).toEqual({ a: "within noise", "naive-js": "slower" });
});

test("what became wrong, appeared or went is said", () => {
  const wrong: Row = {
    name: "a",
    kind: "backend",
    build: "x",
    status: "wrong",
    error: { value: null, limit: 16 },
  };
  const before = report({ a: around(10), gone: around(1) });
  const after = report({ fresh: around(1) }, [wrong]);
  expect(
    compare(before, after).map(({ name, before: b, after: a, verdict }) => [name, b, a, verdict]),
  ).toEqual([
    ["fresh", "absent", 1, "changed"],
    ["a", 10, "wrong", "changed"],
    ["gone", 1, "absent", "changed"],
  ]);
  const text = renderChanges(before, after, false);
  expect(text).toContain("commit 0123456789abcdef");
  expect(renderChanges(before, { ...after, cases: [] }, false)).toContain("no case is in both");
  expect(renderChanges(before, { ...after, versions: { node: "22.0.0" } }, false)).toContain(
    "Node: 20.0.0 before, 22.0.0 now",
  );
});

test("a file that is no report is refused", () => {
  const path = join(folder, "no.json");
  expect(() => readReport(path)).toThrow(/compare .*no\.json/);
  for (const text of ["{", "null", "{}", '{"schema":"dlrt-bench/0","cases":[],"machine":{}}']) {
    writeFileSync(path, text);
    expect(() => readReport(path)).toThrow(/compare .*no\.json/);
  }
  const good = report({ a: around(10) });
  writeFileSync(path, JSON.stringify(good));
  expect(readReport(path)).toEqual(good);
});

test("comma-separated values, quoted where they must be", () => {
  const lines = csv(report({ a: [1, 2, 3], "naive-js": [2, 4, 6] })).split("\r\n");
  expect(lines.length).toBe(4);
  expect(lines[0]!.split(",").length).toBe(24);
  expect(lines[1]).toMatch(/^text,solve,f32,1,2,3,3,,none,a,"b ""1"", 2",ok,,1,16,2,1,3,1,0\.5,,2,/);
});

test("a saved report is named by date, machine and commit", () => {
  expect(savePath(report({}))).toMatch(/bench\/results\/20260102T0304-some-cpu-3-0ghz-2c-01234567\.json$/);
  expect(savePath(report({}), "scaling")).toMatch(/2c-01234567-scaling\.json$/);
});

test("cases are told apart by their decay; a report without the field had none", () => {
  const old = report({ a: around(10) });
  const withDecay = (decay: "none" | "row"): Report => ({ ...old, cases: [{ ...old.cases[0]!, decay }] });
  expect(compare(old, withDecay("none"))).toHaveLength(1);
  expect(compare(old, withDecay("row"))).toEqual([]);
  expect(compare(withDecay("row"), withDecay("row"))[0]!.case).toContain("decay by row");
  expect(csv(old)).toContain(",none,");
  expect(csv(withDecay("row"))).toContain(",row,");
});
