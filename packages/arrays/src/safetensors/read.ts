import { ValueError } from "@dlrt/core";
import { readElements } from "../elements.js";
import { countOf, FormatError } from "../format-error.js";
import type { NdArray } from "../nd-array.js";
import { sourceOf, type Input } from "../source.js";
import { parseHeader, TYPES } from "./header.js";
import { refuseOthers } from "./kinds.js";

/** What the header of a file says of a tensor. */
export interface TensorInfo {
  /** The format's own name, such as "F32" or "BF16", even where `read` does not take it. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** A file whose header is read and checked; elements are read when they are asked for. */
export interface Safetensors {
  /** The tensors by their names, in the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The entry `__metadata__` of the header, empty where there is none. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads a tensor, row-major and with every element as it is in the file: F16 and BF16 into a Float32Array, every other type into the
   * typed array of its own kind.
   * @throws ValueError where there is no such name; FormatError where its dtype is not taken (FP8 and smaller, complex)
   */
  readonly read: (name: string) => NdArray;
}

/**
 * Opens a .safetensors file. Of a `Source` only the header is read, and later those tensors that are asked for.
 * @param name is what messages call the file
 * @throws FormatError, before anything but the header is allocated, for another kind of file, a header that is no JSON in UTF-8 or longer
 * than 100 MB, a name that stands twice, sizes that do not fit the bytes, tensors that overlap or leave gaps, and a file that is too short
 * or too long; ValueError where `input` is something else
 */
export function openSafetensors(input: Input, name = "the file"): Safetensors {
  const source = sourceOf(input, name);
  refuseOthers(source);
  const { entries, metadata, start } = parseHeader(source);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    tensors: new Map(entries.map(({ name, dtype, shape }) => [name, { dtype, shape }])),
    metadata,
    read(name) {
      const entry = byName.get(name);
      if (entry === undefined)
        throw new ValueError("name", namesOf([...byName.keys()]), JSON.stringify(name));
      const { dtype, shape, begin } = entry;
      const what = `${source.name}: ${JSON.stringify(name)}`;
      const type = TYPES.get(dtype);
      if (type === undefined) {
        throw new FormatError(
          `${what} has dtype ${dtype}, which is not taken; taken are ${[...TYPES.keys()].join(", ")}`,
        );
      }
      const place = { position: start + begin, type, count: countOf(what, shape), little: true, what };
      return { dtype: type, shape, data: readElements(source, place) } as NdArray;
    },
  };
}

/** Returns some of many names, for a message. */
function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, 10).map((name) => JSON.stringify(name));
  const more = names.length - shown.length;
  return shown.length === 0
    ? "no name, as there are no tensors"
    : `one of ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
