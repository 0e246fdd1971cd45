import { elementCount, ShapeError, type Backend, type Tensor } from "@dlrt/core";
import { checkPiece, runPiece } from "@dlrt/core/backend";
import { sumTokens } from "../engine/elementwise.js";
import { wholeOf, type Packed } from "../engine/packed.js";
import { withScope, type Scope } from "../engine/scope.js";
import { checkFirst, checkOutputCotangent, checkPacked, type OutputCotangent } from "./check.js";
import { perEntry } from "./parameters.js";

/** A gate's call whose arguments all fit, whatever the gate is called. */
export interface GateCall<T extends Tensor> {
  /** What the model projects, [B, T, H·D]. */
  readonly x: Packed<T>;
  /** A_log, [1, 1, H] */
  readonly aLog: T;
  /** dt_bias, [1, 1, H·D] */
  readonly dtBias: T;
  /** The number by which the sigmoid is multiplied. Where it is undefined, the gate is the softplus. */
  readonly lowerBound: number | undefined;
}

/**
 * Checks a gate's inputs before anything is allocated.
 * @param name is that of the array that the model projects
 * @param perChannel tells whether that array is [B, T, H·D], and not [B, T, H]
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

/** Computes g, [B, T, H·D], a new tensor. */
export function computeGate<T extends Tensor>(backend: Backend<T>, call: GateCall<T>): T {
  return withScope(backend, call.x.tensor.dtype, (scope) => scope.release(runGate(scope, call).out.tensor));
}

/** Computes the gradients of x, A_log and dt_bias, in this order, as new tensors. @throws where the cotangent does not fit */
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

/**
 * Runs the kernel. `out` is g or, with a cotangent, the gradient of x, whose sum over tokens is that of dt_bias. `aTerms`, [B, T, H], is there
 * where it is asked for; its sum over tokens is the gradient of A_log.
 */
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
