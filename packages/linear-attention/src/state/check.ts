import { DtypeError, ShapeError, ValueError, type Dtype, type FloatArray } from "@dlrt/core";
import { checkCount, checkOptions, describe } from "@dlrt/core/backend";
import type { CheckedLayer } from "../engine/check.js";
import { namesBesideStates, type LayerOptions } from "../engine/options.js";

export interface StateSizes {
  /** The number of sequences whose states are kept. Default 1 */
  readonly slots?: number | undefined;
  /** The heads of the state: as many as key or value has, whichever has more */
  readonly heads: number;
  /** K */
  readonly keyWidth: number;
  /** V */
  readonly valueWidth: number;
  /** Default "f32" */
  readonly dtype?: Dtype | undefined;
  /** W, how many tokens of a slot can be taken back. Default 0 */
  readonly window?: number | undefined;
}

/** The options of a step: those of the layer, except for the states, which the `State` has. */
export interface StepOptions extends Omit<
  LayerOptions,
  "initialState" | "finalState" | "stateLayout" | "keep"
> {
  /** The slot of each sequence, all different and in any order. Slots that follow each other are computed in one call. Default: all slots */
  readonly slots?: Int32Array | undefined;
}

/** Which states are read or written, and how they lie in the array. */
export interface StateSelection {
  /** The slots in the order of the array. Default: all */
  readonly slots?: Int32Array | undefined;
  /** "kv": each state is K×V, the default; "vk": V×K. */
  readonly layout?: "kv" | "vk" | undefined;
}

/** @throws ValueError */
export function checkStepOptions(options: StepOptions): void {
  if (options === undefined) throw new ValueError("options", "at least { heads }", "undefined");
  checkOptions("options", options, [...namesBesideStates, "slots"]);
}

/** Checks the sizes of a `State` and fills in those that are not given. @throws ValueError, DtypeError */
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

/** Checks that the states of a layer's call are of the sizes that a `State` keeps. @throws ShapeError, DtypeError */
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
 * Returns the slots of a call: those that are given, or all.
 * @param all is the number of slots that there are
 * @param expected is the number of slots that there must be in the call; any, where it is undefined
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

/** Returns how many tokens to take back of each of these slots. @throws ValueError, ShapeError */
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

/** Tells whether the states in an array are V×K, the transposes of those that are kept. @throws ValueError */
export function checkLayoutName(layout: "kv" | "vk" = "kv"): boolean {
  if (layout !== "kv" && layout !== "vk") throw new ValueError("layout", '"kv" or "vk"', describe(layout));
  return layout === "vk";
}

/** Checks an array of states, which must have `length` elements of this dtype. @throws DtypeError, ShapeError, ValueError */
export function checkData(data: FloatArray, dtype: Dtype, length: number): void {
  const own = data instanceof Float32Array ? "f32" : data instanceof Float64Array ? "f64" : undefined;
  if (own === undefined) throw new ValueError("data", "a Float32Array or Float64Array", describe(data));
  if (own !== dtype) throw new DtypeError("data", dtype, own);
  if (data.length !== length) throw new ShapeError("data", `${length} elements`, String(data.length));
}
