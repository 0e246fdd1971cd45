import {
  bfloat16,
  float16,
  float32,
  float64,
  int16,
  int32,
  int8,
  readElements,
  uint16,
  uint32,
  uint8,
  type ElementType,
} from "./element-types.js";
import { countOf, FormatError, type HostArray } from "./host-array.js";
import { fail, type Source } from "./source.js";
import { MAX_ELEMENTS } from "@dlrt/core";

/**
 * Reads .safetensors: 8 bytes with the header's length, little-endian; a JSON object of names to
 * { dtype, shape, data_offsets }; then the elements, little-endian, row-major, with no holes.
 * (github.com/huggingface/safetensors, "Format")
 */

/** The specification's own limit. */
const MAX_HEADER = 100_000_000;

const TYPES: ReadonlyMap<string, ElementType> = new Map(
  Object.entries({
    F64: float64,
    F32: float32,
    F16: float16,
    BF16: bfloat16,
    I32: int32,
    U32: uint32,
    I16: int16,
    U16: uint16,
    I8: int8,
    U8: uint8,
    BOOL: uint8,
  }),
);

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The place after the string that begins at `at` of valid JSON. A regular expression would recur once a character. */
function afterString(json: string, at: number): number {
  for (let quote = json.indexOf('"', at + 1); ; quote = json.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (json[quote - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return quote + 1;
  }
}

/** JSON.parse, which has taken the text before, keeps the last of equal names; the specification forbids them. */
function refuseDuplicates(source: Source, json: string): void {
  const seen = new Set<string>();
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at]!;
    if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === '"') {
      const after = afterString(json, at);
      let next = after;
      while (json.charCodeAt(next) <= 0x20) next++;
      if (depth === 1 && json[next] === ":") {
        const name = JSON.parse(json.slice(at, after)) as string;
        if (seen.has(name)) fail(source, `the name ${JSON.stringify(name)} stands twice in the header`);
        seen.add(name);
      }
      at = after - 1;
    }
  }
}

function parseHeader(source: Source): { header: Record<string, unknown>; start: number } {
  const { size } = source;
  if (size < 8) fail(source, `the file ends after ${size} bytes, in the length of a .safetensors header`);
  const preamble = source.read(0, 8);
  const length = Number(new DataView(preamble.buffer, preamble.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER) {
    fail(source, `no .safetensors file: a header of ${length} bytes, at most ${MAX_HEADER} expected`);
  }
  if (8 + length > size) fail(source, `the file ends after ${size} bytes, in a header of ${length}`);
  const bytes = source.read(8, length);
  if (bytes[0] !== 0x7b) fail(source, "no .safetensors file: the header does not begin with {");
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const header = JSON.parse(json) as Record<string, unknown>;
    refuseDuplicates(source, json);
    return { header, start: 8 + length };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return fail(source, `the header is no JSON: ${(error as Error).message}`);
  }
}

/** Of a dtype that is not taken, new ones of the format among them, the size is not known: its place is checked alone. */
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
  const count = countOf(`${source.name}: ${what}`, shape, Number.MAX_SAFE_INTEGER);
  const need = TYPES.has(dtype) ? count * TYPES.get(dtype)!.bytes : Math.max(end - begin, 0);
  if (end - begin !== need) {
    fail(
      source,
      `${what}: shape (${shape.join(", ")}) of ${dtype} needs ${need} bytes, data_offsets hold ${end - begin}`,
    );
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

/** One tensor begins where the one before ends, and the last ends with the file. */
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

/** A file whose header is read and checked; elements are read when they are asked for. */
export interface Safetensors {
  readonly names: readonly string[];
  /**
   * F32 and F64 come as they are, the rest in the smallest float that is exact; undefined where there is no such name.
   * @throws FormatError where its dtype is one that no float holds exactly or that is not known
   */
  readonly read: (name: string) => HostArray | undefined;
}

/** @throws FormatError where the header is not what the specification says, or does not fit the file */
export function openSafetensors(source: Source): Safetensors {
  const { header, start } = parseHeader(source);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => entryOf(source, name, value));
  refuseHoles(source, entries, source.size - start);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    names: [...byName.keys()],
    read(name) {
      const entry = byName.get(name);
      if (entry === undefined) return undefined;
      const { dtype, shape, begin } = entry;
      const from = `${source.name}: ${JSON.stringify(name)}`;
      const type = TYPES.get(dtype);
      if (type === undefined) {
        throw new FormatError(
          `${from} has dtype ${dtype}, which is not taken; taken are ${[...TYPES.keys()].join(", ")}`,
        );
      }
      const count = countOf(from, shape, MAX_ELEMENTS);
      return {
        from,
        shape,
        data: readElements(source, start + begin, type, count, { little: true, what: from }),
      };
    },
  };
}
