import type { Backend } from "../contract/backend.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkFlag, checkOptions } from "../contract/options.js";
import type { Dtype, Shape, Tensor } from "../contract/tensor.js";
import { checkAliases } from "./aliases.js";
import { checkAlpha, checkChunk, checkOperator, checkReadable, checkTensor } from "./check.js";

/** The options of the forward call, what came back through its final state, and where the gradients go. */
export interface VjpOptions<T extends Tensor = Tensor, Out = object> {
  readonly trans?: boolean | undefined;
  readonly alpha?: number | undefined;
  readonly chunk?: number | undefined;
  /** Z₀ of the forward call, [batch, r, p]. Its gradient is then returned too. */
  readonly initialState?: T | undefined;
  /** Cotangent of the forward call's final state, [batch, r, p]; default 0. */
  readonly finalStateCotangent?: T | undefined;
  /** Tensors to write gradients to, by name; default: new ones, the caller's to dispose. */
  readonly out?: { readonly [name in keyof Out]?: T | undefined } | undefined;
}

/** What is known of a gradient's call once everything was checked. */
export interface VjpCall<T extends Tensor> {
  readonly dtype: Dtype;
  readonly trans: boolean;
  readonly alpha: number;
  readonly chunk: number | undefined;
  readonly initialState: T | undefined;
  readonly finalStateCotangent: T | undefined;
  readonly out: Readonly<Record<string, T | undefined>>;
}

/**
 * Checks everything that a gradient must know before it allocates or writes. `result` names the gradient of the
 * right-hand side.
 */
export function checkVjpCall<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  [name, primal]: readonly [string, T],
  cotangent: T,
  options: VjpOptions<T>,
  result: "b" | "x",
): VjpCall<T> {
  const { batch, n, r, dtype } = checkOperator(backend, op);
  checkReadable(backend, name, primal);
  const p = primal.shape[2];
  checkTensor(backend, name, primal, [batch, n, p], dtype);
  checkTensor(backend, "cotangent", cotangent, [batch, n, p], dtype);
  const { initialState, finalStateCotangent, chunk } = options;
  const states: [string, T | undefined][] = [
    ["initialState", initialState],
    ["finalStateCotangent", finalStateCotangent],
  ];
  for (const [key, t] of states) if (t !== undefined) checkTensor(backend, key, t, [batch, r, p], dtype);
  checkFlag("trans", options.trans);
  checkChunk(chunk);
  const trans = options.trans ?? false;
  const alpha = checkAlpha(options.alpha, dtype);
  const shapes: Record<string, Shape> = {
    diag: [batch, n, 1],
    q: op.q.shape,
    k: op.k.shape,
    [result]: primal.shape,
    ...(op.decay && { decay: op.decay.shape }),
    ...(initialState && { initialState: initialState.shape }),
  };
  const out = (options.out ?? {}) as Record<string, T | undefined>;
  checkOptions("out", options.out, Object.keys(shapes));
  const written: [string, T][] = [];
  for (const [key, t] of Object.entries(out)) {
    if (t === undefined) continue;
    checkTensor(backend, `out.${key}`, t, shapes[key]!, dtype);
    written.push([`out.${key}`, t]);
  }
  const { diag, q, k, decay } = op;
  const read = Object.entries({
    [name]: primal,
    cotangent,
    diag,
    q,
    k,
    decay,
    initialState,
    finalStateCotangent,
  });
  const all = [...written, ...read];
  checkAliases(
    all.map(([argument]) => argument),
    all.map(([, t]) => t),
    written.length,
  );
  return { dtype, trans, alpha, chunk, initialState, finalStateCotangent, out };
}
