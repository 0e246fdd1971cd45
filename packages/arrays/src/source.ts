import { ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import { FormatError } from "./format-error.js";

/** Bytes that are read where they are wanted: a file of weights may be larger than what fits in memory or in one array. */
export interface Source {
  /** What messages call it: the file's path, say. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** `length` bytes from `position` on, both within the size. They are not written to. */
  readonly read: (position: number, length: number) => Uint8Array;
}

/** A whole file in memory, or a way to read parts of one. */
export type Input = Uint8Array | ArrayBuffer | Source;

/** @throws ValueError */
export function sourceOf(input: Input, name: string): Source {
  if (input instanceof ArrayBuffer) return sourceOf(new Uint8Array(input), name);
  if (input instanceof Uint8Array) {
    const read = (position: number, length: number): Uint8Array =>
      input.subarray(position, position + length);
    return { name, size: input.length, read };
  }
  const { size, read } = (input ?? {}) as Partial<Source>;
  if (typeof read !== "function" || !Number.isSafeInteger(size) || size! < 0) {
    throw new ValueError("input", "a Uint8Array, an ArrayBuffer or { name, size, read }", describe(input));
  }
  return input;
}

/** @throws FormatError that names the source */
export function fail(source: Source, message: string): never {
  throw new FormatError(`${source.name}: ${message}`);
}

/** Bytes of a source that has them. @throws FormatError where it gives another number of them */
export function readBytes(source: Source, position: number, length: number): Uint8Array {
  const bytes = source.read(position, length);
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    const got = bytes instanceof Uint8Array ? bytes.length : describe(bytes);
    fail(source, `its read gave ${got} for ${length} bytes from ${position} on`);
  }
  return bytes;
}
