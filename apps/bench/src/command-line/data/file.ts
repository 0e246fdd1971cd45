import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FormatError, type Source } from "@dlrt/arrays";

/** Calls `use` with an open file and closes it afterwards, whatever happens. `name` is what messages call it. */
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
            throw new FormatError(
              `${name}: the file became shorter while it was read, at byte ${position + done}`,
            );
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
