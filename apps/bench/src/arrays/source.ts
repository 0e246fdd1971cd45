import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FormatError } from "./host-array.js";

/** Bytes that are read where they are wanted: a file of weights may be larger than what fits in memory or in one array. */
export interface Source {
  /** What messages call it: the file's path. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** `length` bytes from `position` on, both within the size. */
  readonly read: (position: number, length: number) => Uint8Array;
}

/** @throws FormatError that names the source */
export function fail(source: Source, message: string): never {
  throw new FormatError(`${source.name}: ${message}`);
}

/** Calls `use` with an open file and closes it afterwards, whatever happens. */
export function withFile<T>(path: string, name: string, use: (source: Source) => T): T {
  const file = openSync(path, "r");
  try {
    const source: Source = {
      name,
      size: fstatSync(file).size,
      read(position, length) {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length;) {
          const got = readSync(file, bytes, done, length - done, position + done);
          if (got === 0)
            fail(source, `the file became shorter while it was read, at byte ${position + done}`);
          done += got;
        }
        return bytes;
      },
    };
    return use(source);
  } finally {
    closeSync(file);
  }
}
