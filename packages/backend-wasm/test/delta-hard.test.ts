// Data on which rounding errors do not average out, on which a state grows, or on which decay is nearly nothing or all at once.
import { unitRoundoff, type Backend, type Dtype } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { composed, drawn, fused, recurrence, worst, type Case, type Elements } from "./delta.js";
import { random } from "./problem.js";

let backend: Backend<WasmTensor>;
beforeAll(async () => {
  backend = await createWasmBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

const base: Case = {
  dtype: "f32",
  batch: 1,
  n: 300,
  r: 32,
  p: 12,
  erase: "one",
  write: "none",
  decay: "none",
  scale: 1,
  state: true,
};

const filled = (length: number, value: (i: number) => number, dtype: Dtype): Float32Array | Float64Array =>
  (dtype === "f32" ? new Float32Array(length) : new Float64Array(length)).map((_, i) => value(i));

type Family = (x: Elements, given: Case) => Elements;

const unit: Family = (x, { n, r, dtype }) => ({
  ...x,
  key: filled(n * r, (i) => ((i % r) % 2 ? 1 : -1) / Math.sqrt(r), dtype),
});

const families: Record<string, Family> = {
  "identical keys, β = 2": (x, given) => ({
    ...unit(x, given),
    erase: filled(given.n, () => 2, given.dtype),
  }),
  "growth, β |k|² = 2.5": (x, given) => ({
    ...unit(x, given),
    erase: filled(given.n, () => 2.5, given.dtype),
  }),
  "equal entries": (x, { n, r, p, dtype }) => ({
    ...x,
    query: filled(n * r, () => 0.7, dtype),
    key: filled(n * r, () => 0.7 / Math.sqrt(r), dtype),
    value: filled(n * p, () => 0.7, dtype),
  }),
};

const gaps: Record<string, (i: number) => number> = {
  "slow, −1e-8": () => -1e-8,
  "mixed, 0 and −20": (i) => (i % 3 ? 0 : -20),
  resets: (i) => (i % 7 === 3 ? -Infinity : -0.01),
  "−5": () => -5,
};

const decaying = [
  { decay: "row", own: false },
  { decay: "row", own: true },
  { decay: "channel", own: false },
] as const;

/**
 * Errors are at most `allowed` ε of the numbers added up, or at most twice what solve and apply make of the same data. With an erase
 * key of its own there is no such composition, and a row does not shrink the errors of those before, as it erases along another vector.
 */
function expectWithin(name: string, given: Case, x: Elements, allowed = given.own ? 16 : 8): void {
  const want = recurrence(given, x);
  const got = fused(backend, given, x);
  const other = given.own ? undefined : composed(backend, given, x);
  for (const part of ["out", "finalState"] as const) {
    const unit = want.size[part] * unitRoundoff[given.dtype];
    const error = worst(got[part], want[part]) / unit;
    const theirs = other ? worst(other[part], want[part]) / unit : 0;
    expect(error, `${name}, ${part}; composed: ${theirs}`).toBeLessThanOrEqual(Math.max(allowed, 2 * theirs));
  }
}

for (const dtype of ["f32", "f64"] as const) {
  test.each(Object.keys(families))(`${dtype}: %s`, (name) => {
    const growing = name.startsWith("growth");
    for (const r of [32, 64]) {
      const given: Case = { ...base, dtype, r, n: growing ? 80 : 300 };
      expectWithin(name, given, families[name]!(drawn(given), given));
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(Object.keys(gaps))(`${dtype}: decay %s`, (name) => {
    for (const kind of decaying) {
      const { decay } = kind;
      const given: Case = { ...base, dtype, ...kind };
      const columns = decay === "row" ? 1 : given.r;
      const x = { ...drawn(given), decay: filled(given.n * columns, gaps[name]!, dtype) };
      expectWithin(name, given, x);
      expectWithin(name, given, unit({ ...x, value: filled(given.n * given.p, () => 0.7, dtype) }, given));
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
}

test("slow decay of constant data over 65,536 rows", () => {
  for (const kind of decaying) {
    const { decay } = kind;
    const given: Case = { ...base, n: 65_536, r: 4, p: 2, ...kind, state: true };
    const x: Elements = {
      ...drawn(given),
      query: filled(given.n * 4, () => 0.5, "f32"),
      key: filled(given.n * 4, (i) => (i % 4 === 0 ? 0.5 : 0), "f32"),
      value: filled(given.n * 2, () => 0.7, "f32"),
      erase: filled(given.n, () => 1, "f32"),
      eraseKey: kind.own ? filled(given.n * 4, (i) => (i % 4 === 0 ? 0.5 : 0), "f32") : undefined,
      decay: filled(given.n * (decay === "row" ? 1 : 4), () => -1e-8, "f32"),
    };
    // Three of the four channels only decay, and what the state loses shows there.
    const want = recurrence(given, x);
    const got = fused(backend, given, x);
    want.finalState.forEach((z, i) =>
      expect(Math.abs(got.finalState[i]! - z)).toBeLessThanOrEqual(4 * unitRoundoff.f32 * Math.abs(z) + 1e-9),
    );
  }
});

test.each(["f32", "f64"] as const)("%s: small whole numbers, gaps 0 and −∞: every bit is right", (dtype) => {
  const whole = (length: number, seed: number, most: number): Float32Array | Float64Array =>
    random(dtype, [1, 1, length], seed).map((x) => Math.round(x * 2 * most));
  for (const [n, r, p] of [
    [3, 5, 9],
    [4, 16, 8],
    [40, 6, 9],
    [100, 16, 20],
  ] as const) {
    for (const kind of [{ decay: "none", own: false }, { decay: "none", own: true }, ...decaying] as const) {
      for (const [erase, write] of [
        ["one", "none"],
        ["channels", "columns"],
      ] as const) {
        const given: Case = { ...base, dtype, n, r, p, ...kind, erase, write, batch: 2, scale: 0.5 };
        const drawnOnes = drawn(given);
        const x: Elements = {
          query: whole(2 * n * r, 1, 2),
          // Each key has a single channel, so that nothing grows.
          key: filled(2 * n * r, (i) => (i % r === (Math.floor(i / r) * 5) % r ? 1 : 0), dtype),
          value: whole(2 * n * p, 3, 4),
          erase: whole(drawnOnes.erase.length, 4, 1).map(Math.abs),
          eraseKey:
            drawnOnes.eraseKey &&
            filled(2 * n * r, (i) => (i % r === (Math.floor(i / r) * 3) % r ? 1 : 0), dtype),
          write: drawnOnes.write && whole(drawnOnes.write.length, 5, 1),
          decay:
            drawnOnes.decay && filled(drawnOnes.decay.length, (i) => (i % 11 === 5 ? -Infinity : 0), dtype),
          initialState: whole(2 * r * p, 7, 3),
        };
        const want = recurrence(given, x);
        const got = fused(backend, given, x);
        // −0 and 0 count as one number.
        for (const part of ["out", "finalState"] as const)
          expect(got[part].map((y) => y + 0)).toEqual(
            dtype === "f32" ? Float32Array.from(want[part], (y) => y + 0) : want[part].map((y) => y + 0),
          );
      }
    }
  }
});

test.each(["f32", "f64"] as const)("%s: rows of zeros, normalised", (dtype) => {
  for (const n of [2, 20]) {
    const given: Case = { ...base, dtype, n, eps: 1e-6 };
    const x = { ...drawn(given), key: filled(n * given.r, (i) => (i < given.r ? 0 : 0.3), dtype) };
    expectNormalized(given, x);
    // The squares of these numbers lie beyond the range of float32, and below it.
    for (const size of dtype === "f32" ? [1e30, 1e-30] : [1e100]) {
      const scaled = { ...x, query: filled(n * given.r, (i) => size * ((i % 5) - 2), dtype) };
      expectNormalized(given, scaled);
    }
  }
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

function expectNormalized(given: Case, x: Elements): void {
  const want = recurrence(given, x);
  const got = fused(backend, given, x);
  for (const part of ["out", "finalState"] as const) {
    const error = worst(got[part], want[part]) / want.size[part] / unitRoundoff[given.dtype];
    expect(error).toBeLessThanOrEqual(8);
  }
}
