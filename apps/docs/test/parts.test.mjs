// Checks the parts of the site, as far as that can be done without building it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import figuresOf, { figures } from "../.vitepress/figures.data.mjs";
import { typeset } from "../.vitepress/math.mjs";
import { baseOf } from "../.vitepress/site.mjs";
import { PICTURES } from "../scripts/pictures.mjs";

const folder = fileURLToPath(new URL("../pages/", import.meta.url));
const pages = readdirSync(folder).filter((file) => file.endsWith(".md"));
const proseOf = (page) => readFileSync(join(folder, page), "utf8").replace(/^```[\s\S]*?^```$/gm, "");

/** The px that are left between the margins of a page on a phone of 390 px. */
const PHONE = 342;

test.each(Object.keys(PICTURES))("the labels of the picture %s are readable on a phone", (name) => {
  const svg = PICTURES[name]();
  const [, width] = /viewBox="0 0 ([\d.]+) /.exec(svg);
  const sizes = [...svg.matchAll(/<text[^>]* font-size="([\d.]+)"/g)].map(([, size]) => Number(size));
  expect(sizes).toHaveLength(svg.match(/<text/g)?.length ?? 0);
  for (const size of sizes) expect(size * Math.min(1, PHONE / width)).toBeGreaterThanOrEqual(11);
  // No label reaches over the edge, if each of its characters is 0.6 of the font's size wide.
  for (const [, x, size, anchor, text] of svg.matchAll(
    /<text x="([\d.]+)"[^>]* font-size="([\d.]+)"[^>]* text-anchor="(\w+)"[^>]*>([^<]*)</g,
  )) {
    const long = text.length * size * 0.6;
    const left = x - long * { start: 0, middle: 0.5, end: 1 }[anchor];
    expect([left >= 0, left + long <= width], text).toEqual([true, true]);
  }
});

test.each(pages)("equations of %s are TeX, none is left as code, and each can be set", (page) => {
  const prose = proseOf(page);
  const indented =
    prose
      .split(/^---$/m)
      .at(-1)
      .match(/^ {4}(?! *(?:npm|npx|pnpm)\b)\S.*$/gm) ?? [];
  expect(indented).toEqual([]);
  for (const [, block, inline] of prose.matchAll(/^\$\$\n([\s\S]*?)\n\$\$$|(?<!\$)\$([^$\n]+)\$(?!\$)/gm)) {
    expect(typeset(block ?? inline, block !== undefined)).toContain("<math ");
  }
  const words = prose.replace(/`[^`]*`|\$\$[\s\S]*?\$\$|\$[^$\n]*\$/g, "");
  expect(words.match(/[\p{L}\p{M}]_(?!log\b|bias\b|threads\b)[\p{L}{][^\s]*/gu) ?? []).toEqual([]);
});

test("what is no TeX ends the build", () => {
  expect(() => typeset("\\operatornam{tril}")).toThrow(/Undefined control sequence/);
  expect(typeset("x^2")).toMatch(/^<span v-pre class="katex">/);
});

const report = (started, ms) => {
  const sizes = { layer: "gated", heads: 16, K: 128, V: 128 };
  const row = (name, median) => ({ name, status: "ok", ms: { median }, error: { value: 1.234e-7 } });
  const rows = (each) => [row("wasm", each), row("onnxruntime-web", 2.04 * each), row("naive-js", 30 * each)];
  const cases = [
    { task: "prefill", tokens: 1024, ...sizes, rows: rows(ms) },
    { task: "decoding", tokens: 1, ...sizes, rows: rows(ms / 500) },
  ];
  return { started, machine: { cores: 2, cpu: "Intel(R) Xeon(R) Processor" }, cases };
};

test("figures are those of the newest report that has both cases", () => {
  const [old, good] = [report("2026-01-01T00:00:00Z", 90), report("2026-02-01T00:00:00Z", 50.4)];
  const other = { ...good, cases: good.cases.slice(1) };
  expect(figures([old, good, other])).toEqual({
    ...{ promptMs: 50, promptOrt: 2, promptNaive: 30, tokenMs: 0.1, tokenOrt: 2, error: "1.2e-7" },
    ...{ machine: "2 cores of an Intel Xeon", date: "2026-02-01" },
  });
  expect(() => figures([other])).toThrow("no saved report");
});

test("the saved reports have them", () => {
  const { machine, date, ...numbers } = figuresOf.load();
  for (const [name, value] of Object.entries(numbers)) expect(Number(value), name).toBeGreaterThan(0);
  expect(machine).toMatch(/^\d+ cores of an? \w/);
  expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test.each([
  ["/", "/"],
  ["//", "/"],
  ["", "/"],
  ["/NAME/", "/NAME/"],
  ["NAME", "/NAME/"],
])("a site below %j has its links below %s", (given, base) => expect(baseOf(given)).toBe(base));
