import { DECAY_NAMES, type LayerWork } from "@dlrt/bench/harness";
import type { RunRequest } from "../protocol.js";

/** A field's value that cannot be run, and what to say beside it. */
export class FieldError extends Error {
  override readonly name = "FieldError";
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

/** Tells a layer's work from an operation on T. */
export const isLayer = (work: string): work is LayerWork => work.includes(", ");

/** What the form offers, and all that a link may ask for. */
const OPERATIONS: readonly RunRequest["operation"][] = [
  ...(["delta, prefill", "gated, prefill", "kda, prefill", "gated, decoding"] as const),
  ...(["solve", "apply", "inverse", "trilInverse", "solveVjp"] as const),
];
const WORKLOADS: readonly RunRequest["workload"][] = ["random", "correlated", "text", "seed"];
const DTYPES: readonly RunRequest["dtype"][] = ["f32", "f64"];

const MAX_N = 2 ** 20;
/** The tokens that the page brings (text-plugin.ts). */
const MAX_TEXT = 2 ** 16;
/** The most elements of one array, 1 GiB in f32: beyond it a tab is likelier to die than to finish. */
const MAX_ELEMENTS = 2 ** 28;
const MAX_CASES = 12;

function whole(field: string, text: string, least: number, most: number): number {
  const value = Number(text.trim());
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new FieldError(field, `“${text.trim()}”: a whole number from ${least} to ${most} is expected.`);
}

/** Returns the field's value, one of these; the first where the form has no such field, as of a layer. @throws FieldError */
function oneOf<T extends string>(form: FormData, field: string, all: readonly T[]): T {
  const text = String(form.get(field) ?? all[0]);
  const found = all.find((name) => name === text);
  if (found !== undefined) return found;
  throw new FieldError(field, `“${text}”: one of ${all.join("; ")} is expected.`);
}

/** "256, 1024 4096" → ascending, each once. @throws FieldError */
export function parseSizes(text: string, most: number = MAX_N): number[] {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  if (parts.length === 0) throw new FieldError("sizes", "Name at least one size.");
  const sizes = [...new Set(parts.map((part) => whole("sizes", part, 1, most)))].sort((a, b) => a - b);
  if (sizes.length > MAX_CASES) throw new FieldError("sizes", `At most ${MAX_CASES} sizes.`);
  return sizes;
}

/** Returns the elements of the operation's largest array. */
function largest({ operation, heads, d, sizes }: RunRequest): number {
  const n = sizes.at(-1)!;
  return heads * n * (operation === "inverse" ? Math.max(n, d) : d);
}

/** The form's fields, by their names. @throws FieldError */
export function parseRequest(form: FormData): RunRequest {
  const text = (name: string): string => String(form.get(name) ?? "");
  const names = form.getAll("names").map(String);
  if (names.length === 0) throw new FieldError("names", "Pick at least one backend.");
  const workload = oneOf(form, "workload", WORKLOADS);
  const operation = oneOf(form, "operation", OPERATIONS);
  const request: RunRequest = {
    names,
    workload,
    operation,
    dtype: oneOf(form, "dtype", DTYPES),
    decay: oneOf(form, "decay", DECAY_NAMES),
    sizes: operation.endsWith("decoding")
      ? [1]
      : parseSizes(text("sizes"), workload === "text" ? MAX_TEXT : MAX_N),
    d: whole("d", text("d"), 1, 256),
    heads: whole("heads", text("heads"), 1, 64),
    ...(text("chunk").trim() !== "" && { chunk: whole("chunk", text("chunk"), 1, 4096) }),
    repetitions: whole("repetitions", text("repetitions"), 3, 100),
    seconds: whole("seconds", text("seconds"), 1, 60),
  };
  const elements = largest(request);
  if (elements > MAX_ELEMENTS) {
    const size = (elements / 2 ** 28).toFixed(1);
    throw new FieldError("sizes", `The largest array would take ${size} GiB in f32; this page stops at 1.`);
  }
  return request;
}
