import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { browserOf } from "../src/page/browser.js";
import { counted, epsilons, figures, interval, short, time } from "../src/page/format.js";
import { parseRequest, parseSizes } from "../src/page/request.js";
import { decades, spread } from "../src/page/ticks.js";

const visitor = (userAgent: string) => ({ userAgent, hardwareConcurrency: 8 });

test.each([
  [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Chrome 140 Linux",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    "Edge 140 Windows",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Firefox 143 macOS",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Safari 18 iOS",
  ],
  ["something else", "unknown  unknown"],
])("browser of %s", (agent, expected) => {
  const { name, version, platform } = browserOf(visitor(agent));
  expect(`${name} ${version} ${platform}`).toBe(expected);
});

test("figures", () => {
  const shown = [0, 0.000123, 0.12345, 9.999, 12.34, 1234.5, 2.5e7, Infinity].map(figures);
  expect(shown).toEqual(["0", "1.2e-4", "0.123", "10", "12.3", "1,235", "2.5e7", "∞"]);
  const spread = (median: number, mad: number): string => time({ median, mad, samples: [] });
  expect([spread(0.0222, 3.4e-11), spread(0.0222, 0.00234), spread(1234, 56.78), spread(0, 0)]).toEqual([
    "0.0222 ± 0 ms",
    "0.0222 ± 0.0023 ms",
    "1,234 ± 57 ms",
    "0 ± 0 ms",
  ]);
  expect(epsilons(null)).toBe("∞ ε");
  expect(interval({ value: 2.5 })).toBe("");
  expect(interval({ value: 2.5, low: 2.25, high: 3 })).toBe("2.25–3");
  expect([counted(1, "head"), counted(4096, "token")]).toEqual(["1 head", "4,096 tokens"]);
});

test("a number that lies between two figures is shown as it is by the six figures of a link", () => {
  const mad = 0.03750000000000001;
  expect((0.0375).toFixed(3)).not.toBe(mad.toFixed(3));
  expect(time({ median: 0.279, mad, samples: [] })).toBe(time({ median: 0.279, mad: 0.0375, samples: [] }));
  for (const value of [mad, 1.0049999999999999, 99.499999999999, 1 / 3, 1e308])
    expect(figures(short(value))).toBe(figures(value));
});

test("ticks: decades, or their halves and fifths; sizes whose figures stand apart, the largest always", () => {
  expect(decades(0.3, 450)).toEqual([1, 10, 100]);
  expect(decades(3, 45)).toEqual([5, 10, 20]);
  expect(decades(0.0009, 0.0031)).toEqual([0.001, 0.002]);
  expect(spread([256, 1024, 4096], 300)).toEqual([256, 1024, 4096]);
  expect(spread([1000, 1024, 2048, 65536], 250)).toEqual([2048, 65536]);
  expect(spread([7], 250)).toEqual([7]);
});

describe("the form", () => {
  const form = (change: Readonly<Record<string, string>> = {}): FormData => {
    const data = new FormData();
    const fields = {
      names: "js",
      operation: "solve",
      workload: "random",
      dtype: "f32",
      sizes: "256",
      d: "64",
    };
    const rest = { heads: "4", chunk: "", repetitions: "7", seconds: "3" };
    for (const [name, value] of Object.entries({ ...fields, ...rest, ...change })) data.append(name, value);
    return data;
  };

  test("sizes are sorted, each once", () => {
    expect(parseSizes("1024, 256;4096 256")).toEqual([256, 1024, 4096]);
  });

  test("gives a request, without a chunk where none is named", () => {
    expect(parseRequest(form())).toEqual({
      ...{
        names: ["js"],
        operation: "solve",
        workload: "random",
        dtype: "f32",
        decay: "none",
        sizes: [256],
        d: 64,
        heads: 4,
      },
      ...{ repetitions: 7, seconds: 3 },
    });
    expect(parseRequest(form({ chunk: "32" })).chunk).toBe(32);
    expect(parseRequest(form({ decay: "channel" })).decay).toBe("channel");
    const layer = form({ operation: "gated, decoding", sizes: "" });
    for (const disabled of ["workload", "dtype", "chunk"]) layer.delete(disabled);
    expect(parseRequest(layer)).toMatchObject({ operation: "gated, decoding", sizes: [1], dtype: "f32" });
  });

  test("index.html offers nothing else", () => {
    const html = readFileSync(new URL("../index.html", import.meta.url), "utf8");
    const offered = (name: string): string[] => {
      const select = html.slice(html.indexOf(`name="${name}"`)).split("</select>")[0]!;
      return [...select.matchAll(/<option(?: value="([^"]+)")?[^>]*>([^<]*)/g)].map((m) => m[1] ?? m[2]!);
    };
    const each = ["operation", "workload", "decay", "dtype"].flatMap((name) =>
      offered(name).map((value) => ({ [name]: value })),
    );
    expect(each).toHaveLength(18);
    for (const change of each) expect(parseRequest(form(change))).toMatchObject(change);
  });

  test.each([
    [{ sizes: "" }, "sizes"],
    [{ sizes: "0" }, "sizes"],
    [{ sizes: "1e9" }, "sizes"],
    [{ sizes: "131072", workload: "text" }, "sizes"],
    [{ sizes: "65536", operation: "inverse" }, "sizes"],
    [{ d: "1.5" }, "d"],
    [{ heads: "" }, "heads"],
    [{ chunk: "x" }, "chunk"],
    [{ repetitions: "2" }, "repetitions"],
    [{ operation: "constructor" }, "operation"],
    [{ workload: "toString" }, "workload"],
    [{ dtype: "f16" }, "dtype"],
    [{ decay: "" }, "decay"],
  ])("%o is refused at %s", (change, field) => {
    expect(() => parseRequest(form(change))).toThrow(expect.objectContaining({ field }));
  });
});
