import { elementCount, type Backend, type Tensor } from "@dlrt/core";
import { checkAliases, type DeltaRuleParams, type Kernels } from "@dlrt/core/backend";
import { sumHeads } from "./elementwise.js";
import { sumStates } from "./mix-back.js";
import { placeForKept } from "./kept.js";
import type { Mix, MixBack, MixCall } from "./operands.js";
import { rowsOf, type Packed, type Piece } from "./packed.js";
import type { Rule } from "./rule.js";
import { finalStatesOf, statesOf } from "./states.js";
import type { Tape, Value } from "./tape.js";

/** Rows that the kernel `deltaRule` takes, as far as they were given. */
interface FusedRows<T extends Tensor> {
  readonly query: Value<T>;
  readonly key: Value<T>;
  readonly value: Value<T>;
  readonly erase: Value<T>;
  readonly eraseKey: Value<T> | undefined;
  readonly write: Value<T> | undefined;
  readonly decay: Value<T> | undefined;
  /** Query and keys are to be normalised with it. */
  readonly eps: number | undefined;
}

const inputNames = ["query", "key", "value", "erase", "eraseKey", "write", "decay"] as const;

type FusedKernels<T extends Tensor> = Required<Pick<Kernels<T>, "deltaRule" | "deltaRuleVjp">>;

/**
 * The kernels that compute these rows in one, or undefined where operations of core have to: where the backend lacks them, where
 * nothing is erased or P is given as it is, and where more than two heads of the output share a state, which the kernel would
 * compute again for each of them.
 */
export function fusedKernels<T extends Tensor>(
  { scope: { backend }, recording }: Tape<T>,
  { erase, decay, key }: Mix<T>,
  call: Heads,
): FusedKernels<T> | undefined {
  if (erase === undefined) return undefined;
  const { decay: able = "none" } = backend.supports;
  if (decay && (able === "none" || (able === "row" && decay.width !== 1 && key.width !== 1)))
    return undefined;
  return kernelsFor(backend, call, recording);
}

type Heads = Pick<MixCall<never>, "stateHeads" | "outHeads">;

/** Only the first of them is there unless `recording`. */
function kernelsFor<T extends Tensor>(
  { kernels, supports: { missing = [] } }: Backend<T>,
  { stateHeads, outHeads }: Heads,
  recording: boolean,
): FusedKernels<T> | undefined {
  if (outHeads > 2 * stateHeads) return undefined;
  if (kernels.deltaRule === undefined || missing.includes("deltaRule")) return undefined;
  if (recording && (kernels.deltaRuleVjp === undefined || missing.includes("deltaRuleVjp"))) return undefined;
  return kernels as FusedKernels<T>;
}

/** The layer without scratch channels, where it is one with an erase key of its own and the backend's kernels take that. */
export function ruleFor(backend: Backend, rule: Rule, call: Heads, recording: boolean): Rule {
  const { eraseKey = [], decay = "none" } = backend.supports;
  if (rule.direct === undefined || decay === "none" || !eraseKey.includes("deltaRule")) return rule;
  if (recording && !eraseKey.includes("deltaRuleVjp")) return rule;
  return kernelsFor(backend, call, recording) ? rule.direct : rule;
}

/** The rows before they were normalised, where query and keys all were, and alike. */
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

/** The output by the kernel `deltaRule`, one call a piece. With the way back asked for nothing but that is computed. */
export function mixFused<T extends Tensor>(
  tape: Tape<T>,
  kernels: FusedKernels<T>,
  mix: Mix<T>,
  call: MixCall<T>,
  back: MixBack<T>,
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
  for (const [index, piece] of call.pieces.entries()) {
    const out = rowsOf(backend, output, piece, heads);
    const { states: finalState, finish } = finalStatesOf(
      scope,
      call.finalState,
      piece,
      call.stateHeads,
      heads,
    );
    if (elementCount(out.shape) === 0 && (finalState === undefined || elementCount(finalState.shape) === 0))
      continue;
    const of = paramsOf(tape, rows, call, piece);
    const kept = call.kept && placeForKept(scope, of);
    if (kept) call.kept[index] = kept;
    // Field by field: a spread costs a single token more than a kernel for it.
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

/** @throws ValueError where the final state would be written over what is still read */
function checkFinalState<T extends Tensor>(
  rows: FusedRows<T>,
  { initialState, finalState }: MixCall<T>,
): void {
  if (finalState === undefined) return;
  const read = inputNames.map((name) => rows[name]?.tensor);
  checkAliases(stateAliases, [finalState, ...read, initialState], 1, ["finalState=initialState"]);
}

/** What both kernels are told of a piece: entries of the output's heads, which share the rows of fewer heads. */
function paramsOf<T extends Tensor>(
  { scope }: Tape<T>,
  { query, key, value, erase, eraseKey, write, decay, eps }: FusedRows<T>,
  { scale, stateHeads, outHeads, initialState }: MixCall<T>,
  piece: Piece,
): Omit<DeltaRuleParams<T>, "out" | "finalState"> {
  const view = (x: Packed<T>): T => rowsOf(scope.backend, x, piece, outHeads);
  return {
    batch: piece.batch * outHeads,
    n: piece.rows,
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
    initialState: initialState && statesOf(scope, initialState, piece, stateHeads, outHeads),
  };
}

function fusedBack<T extends Tensor>(
  tape: Tape<T>,
  kernels: FusedKernels<T>,
  rows: FusedRows<T>,
  call: MixCall<T>,
  back: MixBack<T>,
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
  const { initialState: target, finalStateCotangent: final } = back;
  const state =
    target &&
    (heads === stateHeads
      ? target
      : scope.empty([(target.shape[0] / stateHeads) * heads, target.shape[1], target.shape[2]]));
  for (const [index, piece] of call.pieces.entries()) {
    const view = (x: Packed<T> | undefined): T | undefined => x && rowsOf(scope.backend, x, piece, heads);
    const { query, key, value, erase, eraseKey, write, decay } = gradients;
    const into = {
      query: view(query),
      key: view(key),
      value: view(value),
      erase: view(erase),
      eraseKey: view(eraseKey),
      write: view(write),
      decay: view(decay),
      initialState: state && statesOf(scope, state, piece, heads, heads),
    };
    if (Object.values(into).every((t) => t === undefined || elementCount(t.shape) === 0)) continue;
    kernels.deltaRuleVjp({
      ...paramsOf(tape, rows, call, piece),
      kept: call.kept?.[index],
      outCotangent: rowsOf(scope.backend, cotangent, piece, heads),
      finalStateCotangent: final && statesOf(scope, final, piece, heads, heads),
      gradients: into,
    });
  }
  for (const name of inputNames) {
    const own = gradients[name];
    if (own) tape.gather(rows[name]!, () => sumHeads(scope, own, rows[name]!.heads));
  }
  if (target && state !== target) sumStates(scope, state!, stateHeads, heads, target);
}
