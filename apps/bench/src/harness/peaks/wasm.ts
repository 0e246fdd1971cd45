import type { Dtype } from "@dlrt/core";

/** How many independent sums a loop has: enough to hide the latency of mul and add, few enough for 16 registers, or for 32. */
const SUMS = [12, 24];
const ITERATIONS = 20_000;

interface Lanes {
  readonly count: number;
  /** Opcodes after the prefix of vector instructions. */
  readonly splat: number;
  readonly mul: number;
  readonly add: number;
  /** relaxed_madd */
  readonly fused: number;
  readonly extract: number;
  /** The scalar type's code, and the instruction for a constant 0.5. */
  readonly scalar: number;
  readonly half: readonly number[];
}

/** Codes: WebAssembly core specification 3.0, "Vector instructions". */
const LANES: Readonly<Record<Dtype, Lanes>> = {
  f32: {
    ...{ count: 4, splat: 0x13, mul: 0xe6, add: 0xe4, fused: 0x105, extract: 0x1f },
    ...{ scalar: 0x7d, half: [0x43, 0, 0, 0, 0x3f] },
  },
  f64: {
    ...{ count: 2, splat: 0x14, mul: 0xf2, add: 0xf0, fused: 0x107, extract: 0x21 },
    ...{ scalar: 0x7c, half: [0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f] },
  },
};

/** A number as WebAssembly writes it, in groups of seven bits. */
function leb(x: number): number[] {
  return x < 128 ? [x] : [(x & 127) | 128, ...leb(x >> 7)];
}

const simd = (opcode: number): number[] => [0xfd, ...leb(opcode)];
const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body];

interface Variant {
  readonly count: number;
  readonly fused: boolean;
}

const VARIANTS: readonly Variant[] = SUMS.flatMap((count) =>
  [false, true].map((fused) => ({ count, fused })),
);

/** A module whose run(iterations) repeats sum_s ← sum_s · c + c in registers, and returns the total of the sums, so that no engine leaves one out. */
function moduleBytes(lanes: Lanes, { count, fused }: Variant): Uint8Array<ArrayBuffer> {
  const { scalar, half } = lanes;
  const [splat, mul, add] = [simd(lanes.splat), simd(lanes.mul), simd(lanes.add)];
  const [counter, factor, first] = [0, 1, 2];
  const sums = Array.from({ length: count }, (_, s) => first + s);
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const constant = [...half, ...splat];
  const multiplyAdd = fused
    ? [...get(factor), ...get(factor), ...simd(lanes.fused)]
    : [...get(factor), ...mul, ...get(factor), ...add];
  const step = (s: number): number[] => [...get(s), ...multiplyAdd, ...set(s)];
  const decrement = [...get(counter), 0x41, 1, 0x6b, 0x22, counter];
  const loop = [0x03, 0x40, ...sums.flatMap(step), ...decrement, 0x0d, 0, 0x0b];
  const total = [
    ...get(first),
    ...sums.slice(1).flatMap((s) => [...get(s), ...add]),
    ...simd(lanes.extract),
    0,
  ];
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
    // x ← 0.5 x + 0.5 goes to 1, so the total of the sums tells that the work was done.
    if (run(ITERATIONS) !== variant.count)
      throw new Error("the WebAssembly peak was measured on a wrong result");
    best = Math.max(best, flops / (performance.now() - start) / 1e6);
  }
  return best;
}
