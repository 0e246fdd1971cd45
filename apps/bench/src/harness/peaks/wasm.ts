import type { Dtype } from "@dlrt/core";

/** Independent sums: enough to hide the latency of mul and add, few enough to stay in 16 registers, or in 32. */
const SUMS = [12, 24];
const ITERATIONS = 20_000;

interface Lanes {
  readonly count: number;
  readonly splat: readonly number[];
  readonly mul: readonly number[];
  readonly add: readonly number[];
  /** relaxed_madd */
  readonly fused: readonly number[];
  readonly extract: readonly number[];
  /** The scalar type's code, and the bytes of a constant 0.5. */
  readonly scalar: number;
  readonly half: readonly number[];
}

/** Opcodes: WebAssembly core specification 3.0, "Vector instructions". */
const LANES: Readonly<Record<Dtype, Lanes>> = {
  f32: {
    count: 4,
    splat: [0xfd, 0x13],
    mul: [0xfd, 0xe6, 0x01],
    add: [0xfd, 0xe4, 0x01],
    fused: [0xfd, 0x85, 0x02],
    extract: [0xfd, 0x1f, 0],
    scalar: 0x7d,
    half: [0x43, 0, 0, 0, 0x3f],
  },
  f64: {
    count: 2,
    splat: [0xfd, 0x14],
    mul: [0xfd, 0xf2, 0x01],
    add: [0xfd, 0xf0, 0x01],
    fused: [0xfd, 0x87, 0x02],
    extract: [0xfd, 0x21, 0],
    scalar: 0x7c,
    half: [0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f],
  },
};

function leb(x: number): number[] {
  return x < 128 ? [x] : [(x & 127) | 128, ...leb(x >> 7)];
}

const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body];

interface Variant {
  readonly count: number;
  readonly fused: boolean;
}

const VARIANTS: readonly Variant[] = SUMS.flatMap((count) => [
  { count, fused: false },
  { count, fused: true },
]);

/** run(iterations): sum_s ← sum_s · c + c, again and again in registers; the sums' total so that none is left out. */
function moduleBytes(lanes: Lanes, { count, fused }: Variant): Uint8Array<ArrayBuffer> {
  const { splat, mul, add, extract, scalar, half } = lanes;
  const [counter, factor, first] = [0, 1, 2];
  const sums = Array.from({ length: count }, (_, s) => first + s);
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const constant = [...half, ...splat];
  const multiplyAdd = fused
    ? [...get(factor), ...get(factor), ...lanes.fused]
    : [...get(factor), ...mul, ...get(factor), ...add];
  const step = (s: number): number[] => [...get(s), ...multiplyAdd, ...set(s)];
  const decrement = [...get(counter), 0x41, 1, 0x6b, 0x22, counter];
  const loop = [0x03, 0x40, ...sums.flatMap(step), ...decrement, 0x0d, 0, 0x0b];
  const total = [...get(first), ...sums.slice(1).flatMap((s) => [...get(s), ...add]), ...extract];
  const code = [
    ...[...constant, ...set(factor)],
    ...sums.flatMap((s) => [...constant, ...set(s)]),
    ...[...loop, ...total, 0x0b],
  ];
  const body = [...vector([[count + 1, 0x7b]]), ...code];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 1, 0x7f, 1, scalar]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[3, 0x72, 0x75, 0x6e, 0, 0]])),
    ...section(10, vector([[...leb(body.length), ...body]])),
  ]);
}

/**
 * GFLOP/s of one thread's multiply and add in WebAssembly SIMD registers, fused where the engine can: the ceiling of any
 * kernel there. undefined where the engine has no SIMD.
 */
export function wasmRegisterPeak(dtype: Dtype, milliseconds = 100): number | undefined {
  const peaks = VARIANTS.map((variant) => peakOf(LANES[dtype], variant, milliseconds / VARIANTS.length));
  const measured = peaks.filter((peak) => peak !== undefined);
  return measured.length > 0 ? Math.max(...measured) : undefined;
}

function peakOf(lanes: Lanes, variant: Variant, milliseconds: number): number | undefined {
  const bytes = moduleBytes(lanes, variant);
  if (!WebAssembly.validate(bytes)) return undefined;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const run = instance.exports["run"] as (iterations: number) => number;
  const flops = 2 * variant.count * lanes.count * ITERATIONS;
  let best = 0;
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    const start = performance.now();
    // 0.5 x + 0.5 goes to 1: the sum tells that the work was done.
    if (run(ITERATIONS) !== variant.count)
      throw new Error("the WebAssembly peak was measured on a wrong result");
    best = Math.max(best, flops / (performance.now() - start) / 1e6);
  }
  return best;
}
