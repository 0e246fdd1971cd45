import { ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import { FormatError } from "./format-error.js";

/** A file whose bytes are read where they are wanted, since a file of weights may not fit into memory or into one array. */
export interface Source {
  /** What messages call it: the file's path, say. */
  readonly name: string;
  /** The size of the file, in bytes. */
  readonly size: number;
  /** Returns `length` bytes from the byte `position` on, all of which are within the size. The reader does not change them. */
  readonly read: (position: number, length: number) => Uint8Array;
}

/** A whole file in memory, or a way to read parts of one. */
export type Input = Uint8Array | ArrayBuffer | Source;

/** Makes a source of whatever a reader may be given. @throws ValueError */
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

/** Reads bytes of a source. @throws FormatError where it gives another number of them */
export function readBytes(source: Source, position: number, length: number): Uint8Array {
  const bytes = source.read(position, length);
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    const got = bytes instanceof Uint8Array ? bytes.length : describe(bytes);
    fail(source, `its read gave ${got} for ${length} bytes from ${position} on`);
  }
  return bytes;
}
