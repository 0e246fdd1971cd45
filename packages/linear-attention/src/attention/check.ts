import { DtypeError, ShapeError, ValueError, type Backend, type Dtype, type Tensor } from "@dlrt/core";
import { checkOptions, checkReadable, describe } from "@dlrt/core/backend";
import { checkHeads, larger, widthOf, type CheckedLayer, type Inputs } from "../engine/check.js";
import type { Heads } from "../engine/options.js";
import type { Packed } from "../engine/packed.js";

/** The description of an input, by which it is checked and cut into heads. */
export interface Field {
  /** Whose heads the input has; "number" is one number for each head that has corrections, or for several neighbours. */
  readonly role: "query" | "key" | "value" | "number";
  /** Whether the input may be left out. */
  readonly optional?: boolean;
}

/** A call of `deltaFormer` or `pathLogits` whose arguments all fit. */
export interface CheckedAttention<T extends Tensor> {
  readonly dtype: Dtype;
  /** B */
  readonly batch: number;
  /** T */
  readonly tokens: number;
  /** The heads of the arrays as they are stored. */
  readonly heads: CheckedLayer["heads"];
  /** As many as query, key or value has, whichever has most. */
  readonly outHeads: number;
  readonly scale: number;
  /** The inputs that were given, cut into heads. */
  readonly inputs: Readonly<Record<string, Packed<T>>>;
}

/**
 * Checks a call before anything is allocated.
 * @param fields describe the inputs
 * @param numbersPer says whose heads a "number" belongs to: those of the output ("out") or those of the key
 * @throws ShapeError, DtypeError, ValueError, DisposedError, which name the argument at fault
 */
export function checkAttention<T extends Tensor>(
  backend: Backend<T>,
  fields: Readonly<Record<string, Field>>,
  inputs: Inputs<T>,
  options: { readonly heads: Heads; readonly scale?: number | undefined },
  optionNames: readonly string[],
  numbersPer: "out" | "key",
): CheckedAttention<T> {
  const names = Object.keys(fields);
  if (inputs === undefined) throw new ValueError("inputs", names.join(", "), "undefined");
  checkOptions("inputs", inputs, names);
  if (options === undefined) throw new ValueError("options", "at least { heads }", "undefined");
  checkOptions("options", options, optionNames);
  const present = names.filter((name) => !(fields[name]!.optional && inputs[name] === undefined));
  for (const name of present) checkReadable(backend, name, inputs[name]!);
  const heads = checkHeads(options.heads);
  const stateHeads = larger("value", heads.value, heads.key);
  const outHeads = larger("query", heads.query, stateHeads);
  const { query } = inputs as { query: T };
  const keyWidth = widthOf("key", inputs["key"]!, heads.key);
  const value = inputs["value"];
  const widths = {
    query: keyWidth,
    key: keyWidth,
    value: value && widthOf("value", value, heads.value),
    number: 1,
  };
  const [batch, tokens] = query.shape;
  const sizes = { batch, tokens, dtype: query.dtype };
  const packed: Record<string, Packed<T>> = {};
  for (const name of present) {
    const { role } = fields[name]!;
    const most = role === "number" ? (numbersPer === "out" ? outHeads : heads.key) : heads[role];
    packed[name] = checkField(name, inputs[name]!, role === "number", most, widths[role]!, sizes);
  }
  const scale = options.scale ?? (keyWidth === 0 ? 1 : 1 / Math.sqrt(keyWidth));
  if (!Number.isFinite(scale)) throw new ValueError("scale", "a finite number", describe(scale));
  return { ...sizes, heads, outHeads, scale, inputs: packed };
}

/** Checks one input, and returns it cut into heads. @param shared tells that neighbouring heads may share its numbers */
function checkField<T extends Tensor>(
  name: string,
  tensor: T,
  shared: boolean,
  most: number,
  width: number,
  { batch, tokens, dtype }: { readonly batch: number; readonly tokens: number; readonly dtype: Dtype },
): Packed<T> {
  if (tensor.dtype !== dtype) throw new DtypeError(name, dtype, tensor.dtype);
  const heads = shared ? tensor.shape[2] : most;
  const fits = shared ? heads > 0 && most % heads === 0 : tensor.shape[2] === heads * width;
  if (tensor.shape[0] !== batch || tensor.shape[1] !== tokens || !fits) {
    const columns = shared ? `${most} (or a divisor of ${most})` : String(most * width);
    throw new ShapeError(name, `${batch} × ${tokens} × ${columns}`, tensor.shape.join(" × "));
  }
  if (tensor.layout.heads !== 1)
    throw new ShapeError(
      name,
      "one head a sequence: the packed array itself",
      `${tensor.layout.heads} heads`,
    );
  return { tensor, heads, width };
}
