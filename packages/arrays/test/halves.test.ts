import { describe, expect, test } from "vitest";
import { openSafetensors, writeSafetensors, type ElementType } from "../src/index.js";
import { bitsOf, fixture, safetensors } from "./files.js";

const PATTERNS = Array.from({ length: 2 ** 16 }, (_, i) => i);

/** The two formats of 16 bits by their definition: the bits of the exponent, and the bits of the fraction. */
const formats = { f16: [5, 10], bf16: [8, 7] } as const;
type Half = keyof typeof formats;

/** Returns the number that a pattern stands for, in the words of the standard. */
function meaning(pattern: number, [exponentBits, fractionBits]: readonly [number, number]): number {
  const sign = pattern >> 15 === 1 ? -1 : 1;
  const exponent = (pattern >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (pattern & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** Returns the bits that are written for numbers. */
function written(data: Float32Array | Float64Array, dtype: ElementType): Uint16Array {
  const file = writeSafetensors({ x: { data, shape: [data.length], dtype } });
  return new Uint16Array(file.slice(file.length - 2 * data.length).buffer);
}

/** Returns the numbers that are read for bits. */
function numbers(bits: Uint16Array, dtype: Half): Float32Array {
  const { byteLength } = bits;
  const entry = { dtype: dtype.toUpperCase(), shape: [bits.length], data_offsets: [0, byteLength] };
  const file = safetensors(JSON.stringify({ x: entry }), byteLength);
  file.set(new Uint8Array(bits.buffer), file.length - byteLength);
  return openSafetensors(file).read("x").data as Float32Array;
}

describe.each(["f16", "bf16"] as const)("%s", (dtype) => {
  const all = numbers(Uint16Array.from(PATTERNS), dtype);
  const toBits = (...data: number[]): number[] => Array.from(written(new Float64Array(data), dtype));
  const finite = PATTERNS.slice(0, 2 ** 15).filter((pattern) => Number.isFinite(all[pattern]));

  test("all 65,536 patterns are read as what they stand for, and written back as they were, NaN included", () => {
    expect(PATTERNS.filter((pattern) => !Object.is(all[pattern], meaning(pattern, formats[dtype])))).toEqual(
      [],
    );
    expect(written(all, dtype)).toEqual(Uint16Array.from(PATTERNS));
  });

  test("between all neighbours: half-way to the even one, else to the nearer, from either sign and either width", () => {
    const next = (pattern: number): number => meaning(pattern + 1, formats[dtype]);
    const pairs = finite.slice(0, -1); // the largest number has no finite neighbour
    for (const sign of [1, -1]) {
      const between = Float64Array.from(pairs, (pattern) => (sign * (all[pattern]! + next(pattern))) / 2);
      const bit = sign < 0 ? 0x8000 : 0;
      const even = pairs.map((pattern) => bit | (pattern + (pattern & 1)));
      expect(Array.from(written(between, dtype))).toEqual(even);
      expect(Array.from(written(new Float32Array(between), dtype))).toEqual(even); // exact in binary32 too
      const [below, above] = [-1, 1].map((s) => between.map((x) => x * (1 + s * 2 ** -40)));
      expect(Array.from(written(below!, dtype))).toEqual(pairs.map((pattern) => bit | pattern));
      expect(Array.from(written(above!, dtype))).toEqual(pairs.map((pattern) => bit | (pattern + 1)));
    }
  });

  test("beyond the largest number: infinite from half-way to where the next would be", () => {
    const top = finite.at(-1)!;
    const [last, step] = [all[top]!, all[top]! - all[top - 1]!];
    expect(toBits(last + step / 2 - step / 2 ** 20, last + step / 2, 1e300, Infinity)).toEqual([
      top,
      ...[top + 1, top + 1, top + 1],
    ]);
    expect(all[top + 1]).toBe(Infinity);
    expect(toBits(-last - step / 2)).toEqual([0x8000 | (top + 1)]);
  });

  test("below the least subnormal number: 0 up to its half, of the same sign", () => {
    const least = all[1]!;
    expect(toBits(least / 2, least * 0.5000001, least * 1.5, 1e-320, -1e-320, -0)).toEqual([
      0, 1, 2, 0, 0x8000, 0x8000,
    ]);
  });

  test("a NaN stays one, whichever bits of its payload are set", () => {
    for (let bit = 0; bit < 23; bit++) {
      for (const sign of [0, 0x8000_0000]) {
        const data = new Float32Array(Uint32Array.of(sign | 0x7f80_0000 | (2 ** bit)).buffer);
        const back = numbers(written(data, dtype), dtype);
        expect(back[0]).toBeNaN();
        expect(bitsOf(back)[0]! >>> 31).toBe(sign >>> 31);
      }
    }
    expect(numbers(written(Float64Array.of(Number.NaN), dtype), dtype)[0]).toBeNaN();
  });
});

test("what numpy and ml_dtypes make of the same numbers", () => {
  const { read } = openSafetensors(fixture("rounded.safetensors"));
  const [single, double] = [read("single").data as Float32Array, read("double").data as Float64Array];
  /** Makes one pattern of all those of NaN, whose payloads are not compared here. */
  const known = (bits: Iterable<number>, infinity: number): number[] =>
    Array.from(bits, (x) => ((x & 0x7fff) > infinity ? 0x7fff : x));
  const same = (got: Uint16Array, of: Uint16Array, infinity: number): void =>
    expect(known(got, infinity)).toEqual(known(of, infinity));
  const half = (name: string): Uint16Array => written(read(name).data as Float32Array, "f16");
  same(written(single, "f16"), half("half"), 0x7c00);
  same(written(double, "f16"), half("halfOfDouble"), 0x7c00);
  same(written(single, "bf16"), read("brain").data as Uint16Array, 0x7f80);
  const file = writeSafetensors({ x: { data: double, shape: [double.length], dtype: "f32" } });
  expect(openSafetensors(file).read("x").data).toEqual(read("singleOfDouble").data);
  expect(single.length).toBeGreaterThan(1000);
});
