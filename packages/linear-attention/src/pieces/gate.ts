import { elementCount, ShapeError, type Backend, type Tensor } from "@dlrt/core";
import { checkPiece, runPiece } from "@dlrt/core/backend";
import { sumTokens } from "../engine/elementwise.js";
import { wholeOf, type Packed } from "../engine/packed.js";
import { withScope, type Scope } from "../engine/scope.js";
import { checkFirst, checkOutputCotangent, checkPacked, type OutputCotangent } from "./check.js";
import { perEntry } from "./parameters.js";

/** What every gate takes, whatever it is called. */
export interface GateCall<T extends Tensor> {
  readonly x: Packed<T>;
  readonly aLog: T;
  readonly dtBias: T;
  /** What the sigmoid is multiplied by; absent: the softplus. */
  readonly lowerBound: number | undefined;
}

/**
 * @param name of the array that the model projects: [B, T, H] with `perChannel` false, [B, T, H·D] with true
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError
 */
export function checkGate<T extends Tensor>(
  backend: Backend<T>,
  name: string,
  inputs: { readonly aLog: T; readonly dtBias: T },
  perChannel: boolean,
): Omit<GateCall<T>, "lowerBound"> {
  const tensor = checkFirst(backend, inputs, [name, "aLog", "dtBias"]);
  const { aLog, dtBias } = inputs;
  const cols = tensor.shape[2];
  const heads = perChannel ? (aLog?.shape?.[2] ?? 1) : cols;
  checkPacked(backend, "aLog", aLog, [1, 1, heads], tensor);
  if (perChannel && (heads === 0 || cols % heads !== 0))
    throw new ShapeError(name, `columns in a multiple of the ${heads} heads of aLog`, `${cols} columns`);
  checkPacked(backend, "dtBias", dtBias, [1, 1, cols], tensor);
  checkPiece(backend, "gate", tensor);
  return { x: { tensor, heads, width: perChannel ? cols / heads : 1 }, aLog, dtBias };
}

/** g, [B, T, H·D] */
export function computeGate<T extends Tensor>(backend: Backend<T>, call: GateCall<T>): T {
  return withScope(backend, call.x.tensor.dtype, (scope) => scope.release(runGate(scope, call).out.tensor));
}

/** The gradients of x, A_log and dt_bias, in this order. */
export function gateGradients<T extends Tensor>(
  backend: Backend<T>,
  call: GateCall<T>,
  cotangents: OutputCotangent<T>,
): readonly [x: T, aLog: T, dtBias: T] {
  const { x } = call;
  checkOutputCotangent(backend, cotangents, x.tensor);
  return withScope(backend, x.tensor.dtype, (scope) => {
    const tensor = cotangents.output ?? scope.full(0, x.tensor.shape);
    const { out, aTerms } = runGate(scope, call, { ...x, tensor }, true);
    const gradients = [out.tensor, sumTokens(scope, aTerms!).tensor, sumTokens(scope, out).tensor] as const;
    for (const gradient of gradients) scope.release(gradient);
    return gradients;
  });
}

/** g, or with a cotangent the gradient of x, and where asked the terms of that of A_log, [B, T, H]. */
export function runGate<T extends Tensor>(
  scope: Scope<T>,
  { x, aLog, dtBias, lowerBound }: GateCall<T>,
  cotangent?: Packed<T>,
  withTerms = false,
): { readonly out: Packed<T>; readonly aTerms: Packed<T> | undefined } {
  const { backend } = scope;
  const { heads, width } = x;
  const [batch, tokens] = x.tensor.shape;
  const out = scope.packed(batch, tokens, heads, width);
  const aTerms = withTerms ? scope.packed(batch, tokens, heads, 1) : undefined;
  if (elementCount(out.tensor.shape) === 0) return { out, aTerms };
  runPiece(backend, "gate", {
    batch: batch * heads,
    n: tokens,
    p: width,
    x: wholeOf(backend, x),
    a: perEntry(backend, aLog, batch, heads, 1),
    bias: perEntry(backend, dtBias, batch, heads, width),
    lowerBound,
    cotangent: cotangent && wholeOf(backend, cotangent),
    aTerms: aTerms && wholeOf(backend, aTerms),
    out: wholeOf(backend, out),
  });
  return { out, aTerms };
}
