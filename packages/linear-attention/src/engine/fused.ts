import { elementCount, type Tensor } from "@dlrt/core";
import { checkAliases, type DeltaRuleParams } from "@dlrt/core/backend";
import { sumHeads } from "./elementwise.js";
import type { FusedKernels } from "./fused-kernels.js";
import { placeForKept } from "./kept.js";
import type { Mix, BackwardStates, MixCall } from "./operands.js";
import { rowsOf, type Packed, type Span } from "./packed.js";
import { sumStates } from "./state-sums.js";
import { finalStatesOf, statesOf } from "./states.js";
import type { Tape, Value } from "./tape.js";

/** The rows that the kernel `deltaRule` takes, as far as the layer has them. */
interface FusedRows<T extends Tensor> {
  readonly query: Value<T>;
  readonly key: Value<T>;
  readonly value: Value<T>;
  readonly erase: Value<T>;
  readonly eraseKey: Value<T> | undefined;
  readonly write: Value<T> | undefined;
  readonly decay: Value<T> | undefined;
  /** What the kernel adds to the squares of query and keys to normalise them; undefined where it takes them as they are. */
  readonly eps: number | undefined;
}

const inputNames = ["query", "key", "value", "erase", "eraseKey", "write", "decay"] as const;

/**
 * Returns the rows for the kernel: query and keys as they were before they were normalised, where all of them were and with the same eps,
 * so that the kernel normalises them on the way and nobody computes them in an array of their own.
 */
function fusedRows<T extends Tensor>(rows: Mix<T>): FusedRows<T> {
  const { query, key, value, erase, eraseKey, write, decay } = rows;
  const { normalized: q } = query;
  const { normalized: k } = key;
  const p = eraseKey ? eraseKey.normalized : k;
  const raw = q !== undefined && q.eps === k?.eps && q.eps === p?.eps;
  return {
    query: raw ? q.of : query,
    key: raw ? k!.of : key,
    value,
    erase: erase!,
    eraseKey: raw && eraseKey ? p!.of : eraseKey,
    write,
    decay,
    eps: raw ? q.eps : undefined,
  };
}

/**
 * Computes the output by the kernel `deltaRule`, with one call for each span. On a recording tape the output is not computed but stands
 * for itself, because the kernel of the gradients does not read it.
 */
export function mixFused<T extends Tensor>(
  tape: Tape<T>,
  kernels: FusedKernels<T>,
  mix: Mix<T>,
  call: MixCall<T>,
  back: BackwardStates<T>,
): Value<T> {
  const { scope } = tape;
  const rows = fusedRows(mix);
  const { heads, width } = { heads: call.outHeads, width: rows.value.width };
  const [batch, count] = rows.value.tensor.shape;
  if (tape.recording) {
    const unseen = { tensor: scope.repeated(0, [batch, count, heads * width]), heads, width };
    return tape.derived(unseen, (cotangent) => fusedBack(tape, kernels, rows, call, back, cotangent));
  }
  checkFinalState(rows, call);
  const output = scope.packed(batch, count, heads, width);
  const { backend } = scope;
  for (const [index, span] of call.spans.entries()) {
    const out = rowsOf(backend, output, span, heads);
    const { states: finalState, finish } = finalStatesOf(
      scope,
      call.finalState,
      span,
      call.stateHeads,
      heads,
    );
    if (elementCount(out.shape) === 0 && (finalState === undefined || elementCount(finalState.shape) === 0))
      continue;
    const of = paramsOf(tape, rows, call, span);
    const kept = call.kept && placeForKept(scope, of);
    if (kept) call.kept[index] = kept;
    // The fields are written one by one, because for a single token a spread takes longer than the kernel itself.
    kernels.deltaRule({
      batch: of.batch,
      n: of.n,
      r: of.r,
      p: of.p,
      scale: of.scale,
      eps: of.eps,
      query: of.query,
      key: of.key,
      value: of.value,
      erase: of.erase,
      eraseKey: of.eraseKey,
      write: of.write,
      decay: of.decay,
      initialState: of.initialState,
      finalState,
      kept,
      out,
    });
    finish();
  }
  return tape.value(output);
}

const stateAliases = ["finalState", ...inputNames, "initialState"];

/** @throws ValueError where the final state would overwrite rows that the kernel has yet to read */
function checkFinalState<T extends Tensor>(
  rows: FusedRows<T>,
  { initialState, finalState }: MixCall<T>,
): void {
  if (finalState === undefined) return;
  const read = inputNames.map((name) => rows[name]?.tensor);
  checkAliases(stateAliases, [finalState, ...read, initialState], 1, ["finalState=initialState"]);
}

/** Returns what both kernels are told of a span. Their batch entries are the heads of the output, which share the rows of fewer heads. */
function paramsOf<T extends Tensor>(
  { scope }: Tape<T>,
  { query, key, value, erase, eraseKey, write, decay, eps }: FusedRows<T>,
  { scale, stateHeads, outHeads, initialState }: MixCall<T>,
  span: Span,
): Omit<DeltaRuleParams<T>, "out" | "finalState"> {
  const view = (x: Packed<T>): T => rowsOf(scope.backend, x, span, outHeads);
  return {
    batch: span.batch * outHeads,
    n: span.rows,
    r: key.width,
    p: value.width,
    scale,
    eps,
    query: view(query),
    key: view(key),
    value: view(value),
    erase: view(erase),
    eraseKey: eraseKey && view(eraseKey),
    write: write && view(write),
    decay: decay && view(decay),
    initialState: initialState && statesOf(scope, initialState, span, stateHeads, outHeads),
  };
}

/** Computes the gradients by the kernel `deltaRuleVjp`, with one call for each span. @param cotangent is that of the output */
function fusedBack<T extends Tensor>(
  tape: Tape<T>,
  kernels: FusedKernels<T>,
  rows: FusedRows<T>,
  call: MixCall<T>,
  back: BackwardStates<T>,
  cotangent: Packed<T>,
): void {
  const { scope } = tape;
  const { stateHeads, outHeads: heads } = call;
  const [batch, count] = rows.value.tensor.shape;
  const gradients: { [name in (typeof inputNames)[number]]?: Packed<T> } = {};
  for (const name of inputNames) {
    const value = rows[name];
    if (value && !value.constant) gradients[name] = scope.packed(batch, count, heads, value.width);
  }
  const { initialStateGradient: target, finalStateCotangent: final } = back;
  const state =
    target &&
    (heads === stateHeads
      ? target
      : scope.empty([(target.shape[0] / stateHeads) * heads, target.shape[1], target.shape[2]]));
  for (const [index, span] of call.spans.entries()) {
    const view = (x: Packed<T> | undefined): T | undefined => x && rowsOf(scope.backend, x, span, heads);
    const { query, key, value, erase, eraseKey, write, decay } = gradients;
    const into = {
      query: view(query),
      key: view(key),
      value: view(value),
      erase: view(erase),
      eraseKey: view(eraseKey),
      write: view(write),
      decay: view(decay),
      initialState: state && statesOf(scope, state, span, heads, heads),
    };
    if (Object.values(into).every((t) => t === undefined || elementCount(t.shape) === 0)) continue;
    kernels.deltaRuleVjp({
      ...paramsOf(tape, rows, call, span),
      kept: call.kept?.[index],
      outCotangent: rowsOf(scope.backend, cotangent, span, heads),
      finalStateCotangent: final && statesOf(scope, final, span, heads, heads),
      gradients: into,
    });
  }
  for (const name of inputNames) {
    const own = gradients[name];
    if (own) tape.gather(rows[name]!, () => sumHeads(scope, own, rows[name]!.heads));
  }
  if (target && state !== target) sumStates(scope, state!, stateHeads, heads, target);
}
