import { ValueError, type Backend, type FloatArray } from "@dlrt/core";
import { checkOptions } from "@dlrt/core/backend";
import {
  deltaFormer as former,
  deltaFormerVjp as formerVjp,
  fields as formerFields,
} from "../attention/delta-former.js";
import type { DeltaFormerInputs, DeltaFormerOptions } from "../attention/delta-former.js";
import {
  pathLogits as path,
  pathLogitsVjp as pathVjp,
  fields as pathFields,
} from "../attention/path-logits.js";
import type { PathLogitsInputs, PathLogitsOptions } from "../attention/path-logits.js";
import { checkHeads } from "../engine/check.js";
import { viewAs, viewsOf, withUploads, type HostArray } from "./call.js";
import type { HostInputs } from "./types.js";

/** The option by which arrays are given without a shape of their own. */
export interface HostShape {
  /** [B, T] of every such array. */
  readonly shape?: readonly [batch: number, tokens: number] | undefined;
}

type Given = Readonly<Record<string, HostArray | undefined>>;

/** Returns the arrays with their shapes, the options of the layer itself, and the numbers of heads. @throws ShapeError, DtypeError, ValueError */
function prepare<O extends HostShape & (DeltaFormerOptions | PathLogitsOptions)>(
  fields: typeof formerFields | typeof pathFields,
  inputs: object,
  given: O,
) {
  if (given === undefined) throw new ValueError("options", "at least { heads, shape }", "undefined");
  const { shape, ...options } = given;
  const heads = checkHeads(given.heads);
  const views = viewsOf(fields, inputs as Given, shape, heads);
  return { views, options, heads, outHeads: Math.max(heads.query, heads.key, heads.value) };
}

/**
 * On plain arrays: see `deltaFormer` of `@dlrt/linear-attention`.
 * @throws (rejects with) ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export async function deltaFormer<A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<DeltaFormerInputs, A>,
  given: DeltaFormerOptions & HostShape,
): Promise<{ readonly output: A }> {
  const { views, options } = prepare(formerFields, inputs, given);
  const made = await withUploads(backend, views, (tensors) => ({
    ...former(backend, tensors as unknown as DeltaFormerInputs, options),
  }));
  return made as { output: A };
}

/**
 * On plain arrays: see `deltaFormerVjp` of `@dlrt/linear-attention`.
 * @throws (rejects with) as `deltaFormer`
 */
export async function deltaFormerVjp<A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<DeltaFormerInputs, A>,
  cotangents: { readonly output: HostArray<A> },
  given: DeltaFormerOptions & HostShape,
): Promise<{ readonly [name in keyof DeltaFormerInputs]: A }> {
  const { views, options, heads, outHeads } = prepare(formerFields, inputs, given);
  if (cotangents === undefined) throw new ValueError("cotangents", "{ output }", "undefined");
  checkOptions("cotangents", cotangents, ["output"]);
  const [batch = 0, tokens = 0] = views["query"]?.shape ?? [];
  const columns = Math.floor(((views["value"]?.shape[2] ?? 0) / heads.value) * outHeads);
  const bar = viewAs("cotangents.output", cotangents.output, [batch, tokens, columns]);
  const made = await withUploads(backend, { ...views, "cotangents.output": bar }, (tensors) => {
    const { "cotangents.output": output, ...own } = tensors;
    return { ...formerVjp(backend, own as unknown as DeltaFormerInputs, { output: output! }, options) };
  });
  return made as unknown as { [name in keyof DeltaFormerInputs]: A };
}

/**
 * On plain arrays: see `pathLogits` of `@dlrt/linear-attention`.
 * @throws (rejects with) ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export async function pathLogits<A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<PathLogitsInputs, A>,
  given: PathLogitsOptions & HostShape,
): Promise<A> {
  const { views, options } = prepare(pathFields, inputs, given);
  const made = await withUploads(backend, views, (tensors) => ({
    logits: path(backend, tensors as unknown as PathLogitsInputs, options),
  }));
  return made["logits"] as A;
}

/**
 * On plain arrays: see `pathLogitsVjp` of `@dlrt/linear-attention`.
 * @throws (rejects with) as `pathLogits`
 */
export async function pathLogitsVjp<A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<PathLogitsInputs, A>,
  cotangent: HostArray<A>,
  given: PathLogitsOptions & HostShape,
): Promise<{ readonly [name in keyof PathLogitsInputs]: A }> {
  const { views, options, heads } = prepare(pathFields, inputs, given);
  const [batch = 0, tokens = 0] = views["query"]?.shape ?? [];
  const bar = viewAs("cotangent", cotangent, [batch * Math.max(heads.query, heads.key), tokens, tokens]);
  const made = await withUploads(backend, { ...views, cotangent: bar }, ({ cotangent, ...own }) => ({
    ...pathVjp(backend, own as unknown as PathLogitsInputs, cotangent!, options),
  }));
  return made as unknown as { [name in keyof PathLogitsInputs]: A };
}
