import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = new URL("..", import.meta.url).pathname;

type Over = (a: number, b: number, c: number, bytes: number) => void;

/** The exports of test/assembly/factors.ts, and arrays on its memory. */
export interface Factors {
  readonly exp32: Over;
  readonly exp64: Over;
  readonly parts32: Over;
  readonly parts64: Over;
  readonly buffer: ArrayBuffer;
}

/** Compiles assembly/exp.ts for itself, with the options of the build, over `megabytes` of memory. */
export function compileFactors(relaxed: boolean, megabytes: number): Factors {
  const installed = createRequire(import.meta.url).resolve("assemblyscript/package.json");
  const folder = mkdtempSync(join(tmpdir(), "factors-"));
  try {
    const file = join(folder, "factors.wasm");
    const options = ["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd", "--importMemory"];
    const quiet = ["--disableWarning", "201", "--disableWarning", "112"];
    const fused = relaxed ? ["--enable", "relaxed-simd"] : [];
    execFileSync(
      process.execPath,
      [
        join(dirname(installed), "bin/asc.js"),
        "test/assembly/factors.ts",
        ...options,
        ...quiet,
        ...fused,
        "-o",
        file,
      ],
      { cwd: root, stdio: "inherit" },
    );
    const memory = new WebAssembly.Memory({ initial: megabytes * 16 });
    const module = new WebAssembly.Module(readFileSync(file));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    return { ...(exports as unknown as Omit<Factors, "buffer">), buffer: memory.buffer };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where `count` arrays of so many bytes lie, from 1 MiB on. */
export function places(bytes: number): readonly [number, number, number] {
  const start = 2 ** 20;
  return [start, start + bytes, start + 2 * bytes];
}

/**
 * The largest error of e^x in float32, in units in the last place of the truth, over the numbers with the bits [from, to).
 * Where the result is 0 the truth must be below the smallest normal number.
 */
export function worstOfFloat32({ exp32, buffer }: Factors, from: number, to: number, step = 1): number {
  const block = 2 ** 20;
  const [high, low, out] = places(4 * block);
  const bits = new Uint32Array(buffer, high, block);
  const x = new Float32Array(buffer, high, block);
  const y = new Float32Array(buffer, out, block);
  new Float32Array(buffer, low, block).fill(0);
  let worst = 0;
  for (let start = from; start < to; start += block * step) {
    const count = Math.min(block, Math.ceil((to - start) / step));
    for (let i = 0; i < count; i++) bits[i] = start + i * step;
    exp32(high, low, out, 4 * block);
    for (let i = 0; i < count; i++) {
      const truth = Math.exp(x[i]!);
      const got = y[i]!;
      if (got === 0) {
        if (!(truth < 2 ** -126)) return Infinity;
        continue;
      }
      const error = Math.abs(got - truth) / ulp32(truth);
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

const double = new Float64Array(1);
const doubleBits = new BigUint64Array(double.buffer);
const words = new Uint32Array(double.buffer);

/** One unit in the last place of float32 at a positive number. */
function ulp32(value: number): number {
  double[0] = value;
  const exponent = (words[1]! >>> 20) - 1023;
  return 2 ** (Math.max(exponent, -126) - 23);
}

/** The same of float64. */
export function ulp64(value: number): number {
  double[0] = value;
  const exponent = Number(doubleBits[0]! >> 52n) - 1023;
  return 2 ** (Math.max(exponent, -1022) - 52);
}
