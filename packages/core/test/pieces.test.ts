import { describe, expect, test } from "vitest";
import { checkPiece, readView, runPiece, type CausalConvVjpParams, type PieceName } from "../src/backend.js";
import { UnsupportedError, type HostTensor, type Shape, type Tensor } from "../src/index.js";
import {
  finite,
  scaledSigmoid,
  scaledSoftplus,
  sigmoid,
  siluSlope,
  softplus,
} from "../src/operations/pieces/scalars.js";
import { SpyBackend } from "./spy-backend.js";

const params = (backend: SpyBackend) => {
  const x = backend.upload({ data: Float64Array.of(3, 4), shape: [1, 1, 2] });
  return { batch: 1, n: 1, p: 2, eps: 1e-300, x, out: backend.empty([1, 1, 2], "f64") };
};

describe("dispatch", () => {
  test("the backend's kernel where it has one, the host otherwise", () => {
    const given: object[] = [];
    const own = new SpyBackend({ normalizeRows: (p) => void given.push(p) });
    const its = params(own);
    runPiece(own, "normalizeRows", its);
    expect(given).toEqual([its]);
    const plain = new SpyBackend();
    const mine = params(plain);
    checkPiece(plain, "normalizeRows", mine.x);
    runPiece(plain, "normalizeRows", mine);
    expect([...readView(mine.out)]).toEqual([0.6, 0.8]);
  });

  test("the host too where the backend says that a kernel of its own is missing", () => {
    const broken = (): never => {
      throw new Error("called");
    };
    const backend = new SpyBackend({ normalizeRows: broken }, "spy", { missing: ["normalizeRows"] });
    const mine = params(backend);
    runPiece(backend, "normalizeRows", mine);
    expect([...readView(mine.out)]).toEqual([0.6, 0.8]);
  });

  test("a tensor without elements on the host needs a kernel", () => {
    const onDevice = { shape: [1, 1, 2] } as unknown as Tensor;
    for (const name of ["normalizeRows", "gate", "causalConv", "causalConvVjp", "gatedNorm"] as PieceName[]) {
      const call = () => checkPiece(new SpyBackend(), name, onDevice);
      expect(call).toThrow(UnsupportedError);
      expect(call).toThrow(`backend: expected one with the kernel ${name}, or`);
      checkPiece(new SpyBackend({ [name]: () => {} }), name, onDevice);
    }
  });
});

describe("any layout", () => {
  test("rows from the last, shared heads, one row for all", () => {
    const backend = new SpyBackend();
    // The array holds two sequences of three tokens, each of two heads of two columns.
    const data = Float64Array.from({ length: 24 }, (_, i) => (i % 7) - 3);
    const whole = backend.upload({ data, shape: [2, 3, 4] });
    const reversed = { offset: 8, heads: 4, shared: 2, batch: 12, head: 2, row: -4 };
    const x = backend.view(whole, [8, 3, 2], reversed);
    const weight = backend.upload({ data: Float64Array.of(2, 3), shape: [1, 1, 2] });
    const ones = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 0 };
    const all = backend.view(weight, [8, 1, 2], ones);
    const run = (from: HostTensor, by: HostTensor): number[] => {
      const out = backend.empty([8, 3, 2], "f64");
      const sizes = { batch: 8, n: 3, p: 2, eps: 0.5, activation: "silu" } as const;
      runPiece(backend, "gatedNorm", { ...sizes, x: from, gate: from, weight: by, out });
      return [...readView(out)];
    };
    const copy = (t: HostTensor, shape: Shape): HostTensor => backend.upload({ data: readView(t), shape });
    expect(run(x, all)).toEqual(run(copy(x, [8, 3, 2]), copy(all, [8, 1, 2])));
    expect(run(x, all).some((value) => value !== 0)).toBe(true);
  });
});

test("the gradient of a convolution's weights over 65,536 unlucky tokens in f64", () => {
  const backend = new SpyBackend();
  const n = 65_536;
  // A plain sum loses every term after the first, because each of them is 0.45 ε of what has been summed before.
  const bars = new Float64Array(n).fill(0.9 * 2 ** -53);
  bars[0] = 1;
  const column = (data: Float64Array, rows: number) => backend.upload({ data, shape: [1, rows, 1] });
  const gradients = { weight: backend.empty([1, 1, 1], "f64"), bias: backend.empty([1, 1, 1], "f64") };
  const given: CausalConvVjpParams<HostTensor> = {
    ...{ batch: 1, n, p: 1, taps: 1, activation: "none", gradients },
    x: column(new Float64Array(n).fill(1), n),
    weight: column(Float64Array.of(1), 1),
    cotangent: column(bars, n),
  };
  runPiece(backend, "causalConvVjp", given);
  const exact = 1 + (n - 1) * 0.9 * 2 ** -53;
  for (const t of [gradients.weight, gradients.bias])
    expect(Math.abs(readView(t)[0]! - exact)).toBeLessThanOrEqual(2 ** -52);
});

test("sums of squares of 4,096 unlucky columns in f64", () => {
  const backend = new SpyBackend();
  const p = 4096;
  const data = new Float64Array(p).fill(Math.sqrt(0.9) * 2 ** -26.5);
  data[0] = 1;
  const x = backend.upload({ data, shape: [1, 1, p] });
  const out = backend.empty([1, 1, p], "f64");
  runPiece(backend, "normalizeRows", { batch: 1, n: 1, p, eps: 2 ** -1000, x, out });
  const exact = 1 / Math.sqrt(1 + (p - 1) * 0.9 * 2 ** -53);
  expect(Math.abs(readView(out)[0]! - exact)).toBeLessThanOrEqual(34 * 2 ** -53);
});

describe("functions of one number", () => {
  const ends = [0, -0, 1e-300, -1e-300, 39.9, -39.9, -40.1, 700, -745, 1e308, -1e308];

  test("finite everywhere, and right at the ends", () => {
    for (const z of ends) {
      for (const f of [sigmoid, softplus, siluSlope]) expect(f(z), `${f.name} ${z}`).not.toBeNaN();
      expect(sigmoid(z) + sigmoid(-z)).toBeCloseTo(1, 15);
      expect(Math.abs(softplus(z) - softplus(-z) - z)).toBeLessThanOrEqual(
        2 ** -52 * Math.max(1, Math.abs(z)),
      );
    }
    expect([sigmoid(-745), softplus(-745)]).toEqual([Math.exp(-745), Math.exp(-745)]);
    expect([sigmoid(1e308), softplus(1e308), siluSlope(1e308)]).toEqual([1, 1e308, 1]);
    expect([finite(Infinity), finite(-Infinity), finite(3)]).toEqual([
      Number.MAX_VALUE,
      -Number.MAX_VALUE,
      3,
    ]);
  });

  test("e^a softplus(z) and e^a σ(z) where a factor alone leaves float64", () => {
    const parts = (got: number, expected: number) => Math.abs(got / expected - 1);
    for (const [a, z, expected] of [
      [800, -800, 1],
      [-900, -100, 0],
      [-720, 1e300, 1e300 * Math.exp(-360) * Math.exp(-360)],
      [750, -60, Math.exp(690)],
    ] as const) {
      const got = scaledSoftplus(a, z);
      if (expected === 0) expect(got).toBe(0);
      else expect(parts(got, expected)).toBeLessThan(2 ** -53 * (8 + 2 * Math.abs(a)));
      if (z < 0 && expected !== 0)
        expect(parts(scaledSigmoid(a, z), expected)).toBeLessThan(2 ** -53 * (8 + 2 * a));
    }
    // Each function has two ways of computing. Their results meet at the argument where one takes over from the other.
    for (const f of [scaledSoftplus, scaledSigmoid]) {
      expect(parts(f(700, 3), f(700 + 2 ** -40, 3))).toBeLessThan(2 ** -39);
      expect(parts(f(2, -40), f(2, -40 - 2 ** -40))).toBeLessThan(2 ** -39);
    }
  });
});
