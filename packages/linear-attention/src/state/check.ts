import { DtypeError, ShapeError, ValueError, type Dtype, type FloatArray } from "@dlrt/core";
import { checkCount, checkOptions, describe } from "@dlrt/core/backend";
import type { CheckedLayer } from "../engine/check.js";
import { optionNames, type LayerOptions } from "../engine/options.js";

export interface StateSizes {
  /** Sequences whose states are kept. Default 1 */
  readonly slots?: number | undefined;
  /** Heads of the state: as many as key or value has, whichever has more */
  readonly heads: number;
  /** K */
  readonly keyWidth: number;
  /** V */
  readonly valueWidth: number;
  /** Default "f32" */
  readonly dtype?: Dtype | undefined;
  /** W, the tokens of a slot that can be taken back. Default 0 */
  readonly window?: number | undefined;
}

/** Options of a step: those of the layer, but for the states, which the `State` has. */
export interface StepOptions extends Omit<
  LayerOptions,
  "initialState" | "finalState" | "stateLayout" | "keep"
> {
  /** The slot of each sequence, all different, in any order; those that follow each other are computed in one call. Default: all */
  readonly slots?: Int32Array | undefined;
}

/** Which states to read or write, and how they lie there. */
export interface StateSelection {
  /** In the order of the array. Default: all */
  readonly slots?: Int32Array | undefined;
  /** "kv": each state is K×V, the default; "vk": V×K. */
  readonly layout?: "kv" | "vk" | undefined;
}

const held = ["initialState", "finalState", "stateLayout"];

/** @throws ValueError */
export function checkStepOptions(options: StepOptions): void {
  if (options === undefined) throw new ValueError("options", "at least { heads }", "undefined");
  checkOptions("options", options, [...optionNames.filter((name) => !held.includes(name)), "slots"]);
}

/** @throws ValueError, DtypeError */
export function checkSizes(
  sizes: StateSizes,
): Required<{ [name in keyof StateSizes]: NonNullable<StateSizes[name]> }> {
  if (sizes === undefined) throw new ValueError("sizes", "{ heads, keyWidth, valueWidth }", "undefined");
  checkOptions("sizes", sizes, ["slots", "heads", "keyWidth", "valueWidth", "dtype", "window"]);
  const { slots = 1, heads, keyWidth, valueWidth, dtype = "f32", window = 0 } = sizes;
  for (const [name, size] of Object.entries({ slots, heads })) checkCount(name, size);
  for (const [name, size] of Object.entries({ keyWidth, valueWidth, window })) checkCount(name, size, 0);
  if (dtype !== "f32" && dtype !== "f64") throw new DtypeError("dtype", '"f32" or "f64"', describe(dtype));
  return { slots, heads, keyWidth, valueWidth, dtype, window };
}

/** The layer's states are those that are kept. @throws ShapeError, DtypeError */
export function checkFit(
  call: CheckedLayer,
  {
    heads,
    keyWidth,
    valueWidth,
    dtype,
  }: Pick<CheckedLayer, "keyWidth" | "valueWidth" | "dtype"> & { heads: number },
): void {
  if (call.dtype !== dtype) throw new DtypeError("inputs", `${dtype}, as the state`, call.dtype);
  const told = (count: number, K: number, V: number): string => `states of ${count} heads of ${K} × ${V}`;
  const [expected, got] = [
    told(heads, keyWidth, valueWidth),
    told(call.stateHeads, call.keyWidth, call.valueWidth),
  ];
  if (got !== expected) throw new ShapeError("inputs", expected, got);
}

/**
 * The slots of a call: those given, or all.
 * @param expected how many there must be
 * @throws ValueError, ShapeError
 */
export function checkSlots(slots: Int32Array | undefined, all: number, expected?: number): Int32Array {
  if (slots === undefined) {
    if (expected !== undefined && expected !== all)
      throw new ValueError("slots", `an Int32Array, ${expected} of the ${all} slots`, "undefined");
    return Int32Array.from({ length: all }, (_, slot) => slot);
  }
  if (!(slots instanceof Int32Array)) throw new ValueError("slots", "an Int32Array", describe(slots));
  if (expected !== undefined && slots.length !== expected)
    throw new ShapeError("slots", `one for each of ${expected} sequences`, String(slots.length));
  const seen = new Set<number>();
  for (const slot of slots) {
    if (slot < 0 || slot >= all) throw new ValueError("slots", `numbers from 0 to ${all - 1}`, String(slot));
    if (seen.has(slot)) throw new ValueError("slots", "numbers that differ", `${slot} twice`);
    seen.add(slot);
  }
  return slots.slice();
}

/** @throws ValueError, ShapeError */
export function checkCounts(tokens: number | Int32Array, slots: Int32Array): Int32Array {
  if (tokens instanceof Int32Array && tokens.length !== slots.length)
    throw new ShapeError("tokens", `one number for each of ${slots.length} slots`, String(tokens.length));
  const counts = typeof tokens === "number" ? Array.from(slots, () => tokens) : tokens;
  if (!Array.isArray(counts) && !(counts instanceof Int32Array))
    throw new ValueError("tokens", "an integer ≥ 0, or an Int32Array of them", describe(tokens));
  const wrong = counts.find((count) => !Number.isSafeInteger(count) || count < 0);
  if (wrong !== undefined) throw new ValueError("tokens", "integers ≥ 0", describe(wrong));
  return Int32Array.from(counts);
}

/** Whether states in an array are transposed. @throws ValueError */
export function checkLayoutName(layout: "kv" | "vk" = "kv"): boolean {
  if (layout !== "kv" && layout !== "vk") throw new ValueError("layout", '"kv" or "vk"', describe(layout));
  return layout === "vk";
}

/** @throws DtypeError, ShapeError, ValueError */
export function checkData(data: FloatArray, dtype: Dtype, length: number): void {
  const own = data instanceof Float32Array ? "f32" : data instanceof Float64Array ? "f64" : undefined;
  if (own === undefined) throw new ValueError("data", "a Float32Array or Float64Array", describe(data));
  if (own !== dtype) throw new DtypeError("data", dtype, own);
  if (data.length !== length) throw new ShapeError("data", `${length} elements`, String(data.length));
}
