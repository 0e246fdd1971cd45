import { expect, test } from "vitest";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { workloads, WORKLOAD_NAMES } from "../src/harness/workload/index.js";
import { libFolder, textTokens, tokenise } from "../src/harness/workload/text.js";

const request = { batch: 2, n: 1024, r: 8, p: 6, dtype: "f32", seed: 3 } as const;

function rowsOf(data: Float32Array | Float64Array, width: number): string[] {
  return Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width).join());
}

test("the declaration files are on disk", () => {
  expect(existsSync(join(libFolder(), "lib.dom.d.ts"))).toBe(true);
});

test("equal words are equal tokens, others are not", () => {
  const [declare, a, colon, number, declareAgain, stars] = tokenise("declare a: 12 declare *****");
  expect(declareAgain).toBe(declare);
  expect(new Set([declare, a, colon, number, stars]).size).toBe(5);
});

test("there is text for 65536 tokens, and an error when there is not enough", () => {
  const { tokens } = textTokens(65536);
  const distinct = new Set(tokens).size;
  expect(distinct).toBeGreaterThan(2000);
  expect(distinct).toBeLessThan(65536 / 4);
  expect(() => textTokens(2 ** 24)).toThrow(/text workload: .* asked/);
});

for (const name of WORKLOAD_NAMES) {
  test(`${name}: the same seed gives the same bits, another seed others`, () => {
    const [a, b] = [workloads[name](request), workloads[name](request)];
    expect(a).toEqual(b);
    for (const part of ["q", "k", "b"] as const) {
      expect(a[part].every(Number.isFinite)).toBe(true);
      expect(workloads[name]({ ...request, seed: 4 })[part]).not.toEqual(a[part]);
    }
    expect(a.q.length).toBe(2 * 1024 * 8);
    expect(a.b.length).toBe(2 * 1024 * 6);
  });
}

for (const name of ["text", "random", "correlated"] as const) {
  test(`${name}: unit keys, q = βk with β in (0, 1), λ = 1`, () => {
    const { q, k, diag, r } = workloads[name]({ ...request, dtype: "f64" });
    for (let row = 0; row < diag.length; row++) {
      const key = k.subarray(row * r, (row + 1) * r);
      expect(Math.abs(Math.hypot(...key) - 1)).toBeLessThan(1e-14);
      const betas = Array.from(key, (v, a) => q[row * r + a]! / v);
      expect(Math.min(...betas)).toBeGreaterThan(0);
      expect(Math.max(...betas)).toBeLessThan(1);
      expect(Math.max(...betas) - Math.min(...betas)).toBeLessThan(1e-14);
      expect(diag[row]).toBe(1);
    }
  });
}

test("text: keys repeat as phrases do; random keys never", () => {
  const repeats = (name: "text" | "random"): number => {
    const keys = rowsOf(workloads[name](request).k, request.r);
    return keys.length - new Set(keys).size;
  };
  expect(repeats("text")).toBeGreaterThan(500);
  expect(repeats("text")).toBeLessThan(1800);
  expect(repeats("random")).toBe(0);
});

test("text: a key depends on its token and the three before, on none after", () => {
  const short = workloads.text({ ...request, batch: 1, n: 100 });
  const long = workloads.text({ ...request, batch: 1, n: 200 });
  expect(long.k.slice(0, short.k.length)).toEqual(short.k);
});

test("correlated: the mean cosine of two keys is 0.9", () => {
  const { k, r, n } = workloads.correlated({ ...request, batch: 1, r: 64 });
  let sum = 0;
  for (let i = 0; i < n; i += 2) {
    for (let a = 0; a < r; a++) sum += k[i * r + a]! * k[(i + 1) * r + a]!;
  }
  expect(sum / (n / 2)).toBeGreaterThan(0.87);
  expect(sum / (n / 2)).toBeLessThan(0.93);
});

/** Rows of heads, each as numbers. */
const sorted = (x: Float32Array | Float64Array): number[] => [...x].sort((a, b) => a - b);

for (const name of WORKLOAD_NAMES) {
  for (const [decay, columns] of [
    ["row", 1],
    ["channel", 8],
  ] as const) {
    test(`${name}: gates by ${decay} as models initialise them; all else as without`, () => {
      const plain = workloads[name]({ ...request, n: 4096 });
      const { decay: g, about, ...others } = workloads[name]({ ...request, n: 4096, decay });
      expect({ ...others, about: plain.about }).toEqual(plain);
      expect(about).toContain("softplus");
      expect(g!.length).toBe(2 * 4096 * columns);
      const gaps = sorted(g!);
      expect(gaps.at(-1)).toBeLessThan(0);
      expect(gaps.every(Number.isFinite)).toBe(true);
      // rate · step for a = 0 is between 1 · 1e-3 and 16 · 0.1; a is within ±6 or so.
      expect(gaps[0]).toBeGreaterThan(-16 * 8);
      const middle = -gaps[gaps.length >> 1]!;
      expect(middle).toBeGreaterThan(1e-3 / 2);
      expect(middle).toBeLessThan(1.6 * 2);
      expect(workloads[name]({ ...request, n: 4096, decay }).decay).toEqual(g);
    });
  }
}

test("text: the same token has the same gate; a head's gates differ by what tokens say", () => {
  const { decay, n } = workloads.text({ ...request, decay: "row" });
  const { tokens } = textTokens(n);
  const seen = new Map<number, number>();
  for (const [i, token] of tokens.entries()) {
    expect(decay![i]).toBe(seen.get(token) ?? decay![i]);
    seen.set(token, decay![i]!);
  }
  expect(new Set(decay!.subarray(0, n)).size).toBe(seen.size);
});
