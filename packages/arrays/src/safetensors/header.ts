import { bytesOf } from "../elements.js";
import { countOf, FormatError } from "../format-error.js";
import type { ElementType } from "../nd-array.js";
import { fail, readBytes, type Source } from "../source.js";

/** The most bytes of a header, by the specification. */
const MAX_HEADER = 100_000_000;
export const METADATA = "__metadata__";

/** The format's names of the element types, in the order in which its own library writes tensors: those with larger elements first. */
export const TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["U64", "u64"],
  ["I64", "i64"],
  ["F64", "f64"],
  ["F32", "f32"],
  ["U32", "u32"],
  ["I32", "i32"],
  ["BF16", "bf16"],
  ["F16", "f16"],
  ["U16", "u16"],
  ["I16", "i16"],
  ["I8", "i8"],
  ["U8", "u8"],
  ["BOOL", "bool"],
]);

/** A tensor of the header. It lies among the elements from `begin` to `end`, in bytes from the end of the header. */
export interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Returns the index after the string that begins at `at`, of valid JSON. It is no regular expression, because that would recur once for every
 * character.
 */
function afterString(json: string, at: number): number {
  for (let quote = json.indexOf('"', at + 1); ; quote = json.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (json[quote - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return quote + 1;
  }
}

/** Refuses names that stand twice, which the specification forbids and JSON.parse takes. The text must be valid JSON. */
function refuseDuplicates(source: Source, json: string): void {
  const seen: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at]!;
    if (character === "{" || character === "[") seen.push(new Set());
    else if (character === "}" || character === "]") seen.pop();
    else if (character === '"') {
      const after = afterString(json, at);
      let next = after;
      while (json.charCodeAt(next) <= 0x20) next++;
      if (json[next] === ":") {
        const name = JSON.parse(json.slice(at, after)) as string;
        if (seen.at(-1)!.has(name))
          fail(source, `the name ${JSON.stringify(name)} stands twice in the header`);
        seen.at(-1)!.add(name);
      }
      at = after - 1;
    }
  }
}

function parse(source: Source): { header: Record<string, unknown>; start: number } {
  const { size } = source;
  if (size < 8) fail(source, `the file ends after ${size} bytes, in the length of a .safetensors header`);
  const preamble = readBytes(source, 0, 8);
  const length = Number(new DataView(preamble.buffer, preamble.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER) {
    fail(source, `no .safetensors file: a header of ${length} bytes, at most ${MAX_HEADER} expected`);
  }
  if (8 + length > size) fail(source, `the file ends after ${size} bytes, in a header of ${length}`);
  const bytes = readBytes(source, 8, length);
  if (bytes[0] !== 0x7b) fail(source, "no .safetensors file: the header does not begin with {");
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const header = JSON.parse(json) as Record<string, unknown>;
    refuseDuplicates(source, json);
    return { header, start: 8 + length };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return fail(source, `the header is no JSON in UTF-8: ${(error as Error).message}`);
  }
}

/**
 * Reads and checks the entry of a tensor. Of a dtype that is not taken, which may be one that the format has got since, the size of an element
 * is not known, so that only its offsets are checked.
 */
function entryOf(source: Source, name: string, value: unknown): Entry {
  const what = JSON.stringify(name);
  if (typeof value !== "object" || value === null) fail(source, `${what} is no object`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string") fail(source, `${what} has no dtype`);
  if (!Array.isArray(shape)) fail(source, `${what} has no shape`);
  const whole = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole)) {
    fail(source, `${what} has no data_offsets of two whole numbers`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) fail(source, `${what} has data_offsets [${begin}, ${end}], the second of which is less`);
  const count = countOf(`${source.name}: ${what}`, shape);
  const type = TYPES.get(dtype);
  const need = type === undefined ? end - begin : count * bytesOf[type];
  if (end - begin !== need) {
    fail(
      source,
      `${what}: shape (${shape.join(", ")}) of ${dtype} needs ${need} bytes, data_offsets hold ${end - begin}`,
    );
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

/** Checks that each tensor begins where the one before ends, and that the last ends with the file, so that no bytes are shared or left over. */
function refuseHoles(source: Source, entries: readonly Entry[], have: number): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const what = JSON.stringify(name);
    if (end > have) fail(source, `the file ends early: ${what} ends at ${end}, there are ${have} bytes`);
    if (begin !== at) fail(source, `${what} begins at ${begin}, the tensor before ends at ${at}`);
    at = end;
  }
  if (at !== have) fail(source, `the file goes on for ${have - at} bytes after the last tensor`);
}

function metadataOf(source: Source, value: unknown = {}): Record<string, string> {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap || Object.values(value).some((text) => typeof text !== "string")) {
    fail(source, `${METADATA} is no map of strings to strings`);
  }
  return value as Record<string, string>;
}

/** Reads and checks the header of a .safetensors file. `start` is where the elements begin, in bytes. @throws FormatError */
export function parseHeader(source: Source): {
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly start: number;
} {
  const { header, start } = parse(source);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => entryOf(source, name, value));
  refuseHoles(source, entries, source.size - start);
  const metadata = metadataOf(source, Object.hasOwn(header, METADATA) ? header[METADATA] : undefined);
  return { entries, metadata, start };
}
