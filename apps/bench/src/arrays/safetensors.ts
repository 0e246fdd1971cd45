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

const OTHER_BYTES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    I64: 8,
    U64: 8,
    F8_E4M3: 1,
    F8_E5M2: 1,
    F8_E8M0: 1,
    C64: 8,
  }),
);

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function fail(message: string): never {
  throw new FormatError(`safetensors: ${message}`);
}

/** JSON.parse keeps the last of equal names; the specification forbids them. */
function refuseDuplicates(json: string): void {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && token.endsWith(":")) {
      const name = JSON.parse(token.slice(0, -1).trimEnd()) as string;
      if (seen.has(name)) fail(`the name ${JSON.stringify(name)} stands twice in the header`);
      seen.add(name);
    }
  }
}

function parseHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) fail(`the file ends after ${bytes.length} bytes, in the header's length`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER) fail(`a header of ${length} bytes, at most ${MAX_HEADER} expected`);
  if (8 + length > bytes.length) fail(`the file ends after ${bytes.length} bytes, in a header of ${length}`);
  if (bytes[8] !== 0x7b) fail("the header does not begin with {");
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
    const header = JSON.parse(json) as Record<string, unknown>;
    refuseDuplicates(json);
    return { header, start: 8 + length };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return fail(`the header is no JSON: ${(error as Error).message}`);
  }
}

function entryOf(name: string, value: unknown): Entry {
  const what = JSON.stringify(name);
  if (typeof value !== "object" || value === null) fail(`${what} is no object`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string") fail(`${what} has no dtype`);
  if (!Array.isArray(shape)) fail(`${what} has no shape`);
  const whole = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole)) {
    fail(`${what} has no data_offsets of two whole numbers`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = TYPES.get(dtype)?.bytes ?? OTHER_BYTES.get(dtype);
  if (bytes === undefined) fail(`${what} has the unknown dtype ${dtype}`);
  const need = countOf(`safetensors: ${what}`, shape) * bytes;
  if (end - begin !== need) {
    fail(
      `${what}: shape (${shape.join(", ")}) of ${dtype} needs ${need} bytes, data_offsets hold ${end - begin}`,
    );
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

/** One tensor begins where the one before ends, and the last ends with the file. */
function refuseHoles(entries: readonly Entry[], have: number): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (end > have)
      fail(`the file ends early: ${JSON.stringify(name)} ends at ${end}, there are ${have} bytes`);
    if (begin !== at) fail(`${JSON.stringify(name)} begins at ${begin}, the tensor before ends at ${at}`);
    at = end;
  }
  if (at !== have) fail(`the file goes on for ${have - at} bytes after the last tensor`);
}

/**
 * The tensors of a .safetensors file that a float holds exactly, by name; 64-bit integers and 8-bit floats are
 * checked but left out. F32 and F64 come as they are, the rest in the smallest float that is exact.
 * @throws FormatError
 */
export function parseSafetensors(bytes: Uint8Array): Map<string, HostArray> {
  const { header, start } = parseHeader(bytes);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => entryOf(name, value));
  refuseHoles(entries, bytes.length - start);
  const tensors = new Map<string, HostArray>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const type = TYPES.get(dtype);
    if (type === undefined) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset + start + begin, end - begin);
    const data = readElements(view, type, (end - begin) / type.bytes, true);
    tensors.set(name, { shape, data });
  }
  return tensors;
}
