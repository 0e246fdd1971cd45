import { ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import { bytesOf, checkBooleans, writeElements } from "../elements.js";
import { checkArray, type ArrayToWrite } from "../nd-array.js";
import { METADATA, TYPES } from "./header.js";

const NAMES = new Map([...TYPES].map(([name, type]) => [type, name]));
const ORDER = [...TYPES.values()];

/** Tensors by their names, as an object, a Map, or any other pairs. */
export type TensorsToWrite =
  | Readonly<Record<string, ArrayToWrite>>
  | Iterable<readonly [string, ArrayToWrite]>;

const pairsOf = (tensors: TensorsToWrite): (readonly [string, ArrayToWrite])[] =>
  Symbol.iterator in tensors ? [...tensors] : Object.entries(tensors);

/** @throws ValueError for a name that is no string, stands twice, is that of the metadata, or is no valid Unicode */
function checkNames(names: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const name of names) {
    const good = typeof name === "string" && name !== METADATA && !seen.has(name) && isUnicode(name);
    if (!good)
      throw new ValueError(
        "tensors",
        `names that are different strings, none of them ${METADATA}`,
        describe(name),
      );
    seen.add(name);
  }
}

/** Tells whether UTF-8 has a text. A lone half of a surrogate pair would become another character, and two names the same one. */
const isUnicode = (text: string): boolean => !/\p{Surrogate}/u.test(text);

function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  const texts = typeof metadata === "object" && metadata !== null && Object.entries(metadata).flat();
  if (!texts || !texts.every((text) => typeof text === "string" && isUnicode(text))) {
    throw new ValueError("metadata", "strings by strings", describe(metadata));
  }
}

/**
 * Returns the bytes of a .safetensors file. As in the format's own library, tensors with larger elements come first, those of one dtype in the
 * order of their names, and the first begins at a multiple of 8 bytes. So each of them is aligned, and the same tensors give the same file.
 * @param options.metadata becomes the entry `__metadata__`
 * @throws ShapeError, DtypeError, ValueError, before anything is allocated
 */
export function writeSafetensors(
  tensors: TensorsToWrite,
  { metadata }: { readonly metadata?: Readonly<Record<string, string>> | undefined } = {},
): Uint8Array {
  if (typeof tensors !== "object" || tensors === null) {
    throw new ValueError("tensors", "arrays by their names", describe(tensors));
  }
  const pairs = pairsOf(tensors);
  checkNames(pairs.map(([name]) => name));
  if (metadata !== undefined) checkMetadata(metadata);
  const arrays = pairs.map(([name, array]) => ({
    name,
    ...checkArray(`tensors[${JSON.stringify(name)}]`, array),
  }));
  for (const { name, data, dtype } of arrays) checkBooleans(`tensors[${JSON.stringify(name)}]`, data, dtype);
  arrays.sort((a, b) => ORDER.indexOf(a.dtype) - ORDER.indexOf(b.dtype) || (a.name < b.name ? -1 : 1));
  let end = 0;
  const placed = arrays.map((array) => {
    const begin = end;
    end += array.data.length * bytesOf[array.dtype];
    return { ...array, begin, end };
  });
  const header = headerOf(placed, metadata);
  const bytes = new Uint8Array(8 + header.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  const elements = bytes.subarray(8 + header.length);
  for (const { data, dtype, begin, end } of placed) writeElements(elements.subarray(begin, end), data, dtype);
  return bytes;
}

type Placed = ReturnType<typeof checkArray> & {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
};

/** Returns the header as JSON, made entry by entry: in an object, a name like "__proto__" would be lost, and one like "7" would come first. */
function headerOf(
  placed: readonly Placed[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  const entries = placed.map(({ name, dtype, shape, begin, end }) => {
    const entry = { dtype: NAMES.get(dtype), shape, data_offsets: [begin, end] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (metadata) entries.unshift(`"${METADATA}":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${entries.join(",")}}`);
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  return padded;
}
