// The functions of assembly/exp.ts over arrays. test/factors.ts compiles this file.
import { exp, highPart, limited } from "../../assembly/exp";

/** Computes out ← e^(high + low) over `bytes` bytes of each, a multiple of 16. */
function exponentials<T>(high: usize, low: usize, out: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(out + at, exp<T>(v128.load(high + at), v128.load(low + at)));
  }
}

/** Splits gaps into their two parts. */
function parts<T>(gaps: usize, high: usize, low: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = limited<T>(v128.load(gaps + at));
    const part = highPart<T>(g);
    v128.store(high + at, part);
    v128.store(low + at, v128.sub<T>(g, part));
  }
}

export function exp32(high: usize, low: usize, out: usize, bytes: usize): void {
  exponentials<f32>(high, low, out, bytes);
}

export function exp64(high: usize, low: usize, out: usize, bytes: usize): void {
  exponentials<f64>(high, low, out, bytes);
}

export function parts32(gaps: usize, high: usize, low: usize, bytes: usize): void {
  parts<f32>(gaps, high, low, bytes);
}

export function parts64(gaps: usize, high: usize, low: usize, bytes: usize): void {
  parts<f64>(gaps, high, low, bytes);
}
