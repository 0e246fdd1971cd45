import { DtypeError, ShapeError, ValueError, type Backend, type Dtype, type Tensor } from "@dlrt/core";
import { checkCount, checkFlag, checkOptions, checkPiece, checkReadable, describe } from "@dlrt/core/backend";
import { checkEps, checkStates } from "./check-options.js";
import { forwardNames, type Heads, type LayerOptions } from "./options.js";
import type { Span } from "./packed.js";
import { checkSpans, paddingOf } from "./spans.js";
import type { Input, Rule } from "./rule.js";
import type { StateForm } from "./states.js";

/** A layer's call whose arguments all fit. */
export interface CheckedLayer {
  readonly dtype: Dtype;
  /** B */
  readonly batch: number;
  /** T */
  readonly tokens: number;
  /** The rows of key and value for each token; 1 but for layers that take several steps a token. */
  readonly steps: number;
  /** The heads of the arrays as they are stored. */
  readonly heads: { readonly [name in "query" | "key" | "value"]: number } & {
    readonly order: NonNullable<Heads["order"]>;
  };
  /** As many as key or value has, whichever has more. */
  readonly stateHeads: number;
  /** As many as the query or the state has, whichever has more. */
  readonly outHeads: number;
  /** K */
  readonly keyWidth: number;
  /** V */
  readonly valueWidth: number;
  readonly scale: number;
  /** What is added to the squares of query and keys to normalise them; undefined where they are taken as they are. */
  readonly eps: number | undefined;
  /** The tokens that count. */
  readonly spans: readonly Span[];
  /** The padded rows, which are in no span. */
  readonly padding: readonly Span[];
  /** The form of the caller's states. */
  readonly form: StateForm;
}

/** A layer's inputs by their names. */
export type Inputs<T extends Tensor> = Readonly<Record<string, T | undefined>>;

/**
 * Checks a layer's call before anything is allocated or written.
 * @param allowed are the names of the options that may be given
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, which name the argument at fault
 */
export function checkLayer<T extends Tensor>(
  backend: Backend<T>,
  rule: Rule,
  inputs: Inputs<T>,
  options: LayerOptions<T>,
  allowed: readonly string[] = forwardNames,
): CheckedLayer {
  const names = Object.keys(rule.inputs);
  if (inputs === undefined) throw new ValueError("inputs", `${names.join(", ")}`, "undefined");
  checkOptions("inputs", inputs, names);
  if (options === undefined) throw new ValueError("options", "at least { heads }", "undefined");
  checkOptions("options", options, allowed);
  checkFlag("keep", options.keep);
  const present = names.filter((name) => !(rule.inputs[name]!.optional && inputs[name] === undefined));
  for (const name of present) checkReadable(backend, name, inputs[name]!);
  const the = (role: Input["role"]): string => names.find((name) => rule.inputs[name]!.role === role)!;
  const heads = checkHeads(options.heads);
  const stateHeads = larger("value", heads.value, heads.key);
  const outHeads = larger("query", heads.query, stateHeads);
  const q = inputs[the("query")]!;
  const k = inputs[the("key")]!;
  const [batch, tokens] = q.shape;
  const steps = tokens === 0 ? 1 : k.shape[1] / tokens;
  const severalSteps = rule.inputs[the("key")]!.steps ?? false;
  if (!Number.isInteger(steps) || (steps !== 1 && !severalSteps) || (tokens > 0 && steps === 0)) {
    const rows = severalSteps ? `a multiple of the ${tokens} rows of ${the("query")}` : `${tokens} rows`;
    throw new ShapeError(the("key"), rows, String(k.shape[1]));
  }
  const keyWidth = widthOf(the("key"), k, heads.key);
  const valueWidth = widthOf(the("value"), inputs[the("value")]!, heads.value);
  const call = { batch, tokens, steps, heads, stateHeads, outHeads, keyWidth, valueWidth, dtype: q.dtype };
  for (const name of present) checkInput(name, rule.inputs[name]!, inputs[name]!, call);
  const spans = checkSpans(options, batch, tokens);
  const padding = options.padding ? paddingOf(spans, tokens) : [];
  const { stateLayout: layout = "kv" } = options;
  if (layout !== "kv" && layout !== "vk")
    throw new ValueError("stateLayout", '"kv" or "vk"', describe(layout));
  const sequences = options.sequences ? spans.length : batch;
  const form = { sequences, heads: stateHeads, keyWidth, valueWidth, layout };
  checkStates(backend, options, form, q.dtype);
  const eps = checkEps(options.normalizeKeys, q.dtype);
  if (eps !== undefined) checkPiece(backend, "normalizeRows", q);
  const scale = options.scale ?? rule.scale ?? (keyWidth === 0 ? 1 : 1 / Math.sqrt(keyWidth));
  if (!Number.isFinite(scale)) throw new ValueError("scale", "a finite number", describe(scale));
  return { ...call, scale, eps, spans, padding, form };
}

/** Checks the numbers of heads and fills in those that are not given. @throws ValueError */
export function checkHeads(given: Heads): CheckedLayer["heads"] {
  if (given === undefined) throw new ValueError("heads", "{ query, key, value }", "undefined");
  checkOptions("heads", given, ["query", "key", "value", "order"]);
  const { query, key = query, value = key, order = "neighbours" } = given;
  for (const [name, count] of Object.entries({ query, key, value })) checkCount(`heads.${name}`, count);
  if (order !== "neighbours" && order !== "modulo")
    throw new ValueError("heads.order", '"neighbours" or "modulo"', describe(order));
  return { query, key, value, order };
}

/** Returns the larger of two numbers of heads. @throws ShapeError where the smaller one does not divide it */
export function larger(name: string, mine: number, other: number): number {
  const [most, least] = [Math.max(mine, other), Math.min(mine, other)];
  if (most % least !== 0)
    throw new ShapeError(`heads.${name}`, `a multiple or a divisor of ${other} heads`, String(mine));
  return most;
}

/** Returns the columns of a head. @throws ShapeError where the array's columns are no multiple of the heads */
export function widthOf(name: string, t: Tensor, heads: number): number {
  const cols = t.shape[2];
  if (cols % heads !== 0)
    throw new ShapeError(name, `columns in a multiple of ${heads} heads`, `${cols} columns`);
  return cols / heads;
}

type Sizes = Omit<CheckedLayer, "scale" | "eps" | "spans" | "padding" | "form">;

/** Returns the columns of a head of an input. */
export function inputWidth(
  { role, width }: Input,
  { keyWidth, valueWidth }: Pick<Sizes, "keyWidth" | "valueWidth">,
): number {
  if (role === "value" || width === "value") return valueWidth;
  return role === "parameter" || width === "one" ? 1 : keyWidth;
}

/** Returns the heads of an input as it is stored. */
export function inputHeads(
  input: Input,
  t: Tensor,
  sizes: Pick<Sizes, "heads" | "stateHeads" | "keyWidth" | "valueWidth">,
): number {
  const { role } = input;
  if (role === "query" || role === "key" || role === "value") return sizes.heads[role];
  const width = inputWidth(input, sizes);
  return width === 0 ? sizes.stateHeads : t.shape[2] / width;
}

function checkInput(name: string, input: Input, t: Tensor, sizes: Sizes): void {
  const { batch, tokens, steps, stateHeads, dtype } = sizes;
  const width = inputWidth(input, sizes);
  const parameter = input.role === "parameter";
  const rows = parameter ? 1 : input.steps ? tokens * steps : tokens;
  const stored = inputHeads(input, t, sizes);
  const fits =
    input.role === "gate"
      ? t.shape[2] === stored * width && Number.isInteger(stored) && stored > 0 && stateHeads % stored === 0
      : t.shape[2] === (parameter ? stateHeads : stored * width);
  const first = parameter ? 1 : batch;
  if (t.dtype !== dtype) throw new DtypeError(name, dtype, t.dtype);
  if (t.shape[0] !== first || t.shape[1] !== rows || !fits) {
    const cols =
      input.role === "gate"
        ? `${stateHeads * width} (or, for fewer heads, a divisor of ${stateHeads} times ${width})`
        : String(parameter ? stateHeads : stored * width);
    throw new ShapeError(name, `${first} × ${rows} × ${cols}`, t.shape.join(" × "));
  }
  if (t.layout.heads !== 1)
    throw new ShapeError(name, "one head a sequence: the packed array itself", `${t.layout.heads} heads`);
}
