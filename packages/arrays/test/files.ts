import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { FormatError, type Data, type Source } from "../src/index.js";

export const folder: string = join(import.meta.dirname, "fixtures");
export const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));

/** Returns bytes as a file that is read in parts. Reading outside of them fails the test. */
export function source(bytes: Uint8Array): Source {
  return {
    name: "FILE",
    size: bytes.length,
    read(position, length) {
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position + length).toBeLessThanOrEqual(bytes.length);
      return bytes.slice(position, position + length);
    },
  };
}

/** Returns what the FormatError of a call says, which must begin with the file's name, or "taken" where there is none. */
export function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof FormatError && error.message.startsWith("FILE: ")) return error.message;
    throw error;
  }
  return "taken";
}

type Kind = "f" | "i" | "u" | "b";

/** Returns what fixtures/make.py puts at the row-major index i. */
function value(i: number, kind: Kind): number {
  const x = ((7 * i) % 23) - 11;
  if (kind === "f") return x / 4;
  if (kind === "b") return x === 0 ? 0 : 1;
  return kind === "u" ? Math.abs(x) : x;
}

export const values = (count: number, kind: Kind): number[] =>
  Array.from({ length: count }, (_, i) => value(i, kind));

/** Returns the bits of a Float32Array. */
export const bitsOf = (data: Float32Array): Uint32Array =>
  new Uint32Array(data.buffer, data.byteOffset, data.length);

/** Makes a .safetensors file with this header, and zeros as its elements. */
export function safetensors(header: string, elementBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + elementBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** Returns elements as numbers, those of 64-bit integers too. */
export const listOf = (data: Data): number[] => Array.from(data as ArrayLike<number | bigint>, Number);
