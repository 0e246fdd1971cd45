import type { Shape, Tensor } from "@dlrt/core";
import { isContiguous } from "@dlrt/core/backend";
import type { Span } from "./packed.js";
import type { Scope } from "./scope.js";

/** The form in which the caller has states: [N·heads, K, V] ("kv") or [N·heads, V, K] ("vk"), of N sequences. */
export interface StateForm {
  readonly sequences: number;
  readonly heads: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly layout: "kv" | "vk";
}

/**
 * The form in which the engine has them: [N·heads, rank, V] without gaps, where `heads` may be a multiple of the caller's, whose states
 * then repeat, and `rank` may be more than K.
 */
interface EngineForm {
  readonly heads: number;
  readonly rank: number;
}

/** Returns the shape of the caller's states. */
export function stateShape({ sequences, heads, keyWidth, valueWidth, layout }: StateForm): Shape {
  return [sequences * heads, ...(layout === "kv" ? [keyWidth, valueWidth] : [valueWidth, keyWidth])] as [
    number,
    number,
    number,
  ];
}

/** Tells whether the engine can use the caller's tensor as it lies. */
function isEngines(t: Tensor, form: StateForm, { heads, rank }: EngineForm): boolean {
  return form.layout === "kv" && form.heads === heads && form.keyWidth === rank && isContiguous(t);
}

/** Returns the caller's states as they lie within the engine's: of heads that repeat the first, and of the channels the first K. */
function callersPart<T extends Tensor>(
  scope: Scope<T>,
  states: T,
  form: StateForm,
  { heads, rank }: EngineForm,
): T {
  const { sequences, keyWidth, valueWidth } = form;
  return scope.backend.view(states, [sequences * form.heads, keyWidth, valueWidth], {
    offset: 0,
    heads: form.heads,
    shared: 1,
    batch: heads * rank * valueWidth,
    head: (heads / form.heads) * rank * valueWidth,
    row: valueWidth,
  });
}

/** Returns the caller's states in the engine's form: `t` itself where it fits, else a copy, which is 0 where the caller has nothing. */
export function loadStates<T extends Tensor>(scope: Scope<T>, t: T, form: StateForm, engine: EngineForm): T {
  if (isEngines(t, form, engine)) return t;
  const states = scope.full(0, [form.sequences * engine.heads, engine.rank, form.valueWidth]);
  scope.copy(t, callersPart(scope, states, form, engine), { trans: form.layout === "vk" });
  return states;
}

/** Returns where the engine writes states that are meant for `t`: `t` itself where it fits, else a tensor from which `finish` copies them. */
export function targetStates<T extends Tensor>(
  scope: Scope<T>,
  t: T,
  form: StateForm,
  engine: EngineForm,
): { readonly states: T; finish(): void } {
  if (isEngines(t, form, engine)) return { states: t, finish: () => {} };
  const states = scope.empty([form.sequences * engine.heads, engine.rank, form.valueWidth]);
  return {
    states,
    finish: () => scope.copy(callersPart(scope, states, form, engine), t, { trans: form.layout === "vk" }),
  };
}

/** Returns how many elements lie from one state to the next, of states that follow one another evenly. */
const stateStride = ({ layout }: Tensor): number => (layout.heads === 1 ? layout.batch : layout.head);

/** Returns the states of a span, [batch·heads, rank, V], without a copy: `heads` for each sequence, which share the `stored` ones evenly. */
export function statesOf<T extends Tensor>(
  scope: Scope<T>,
  states: T,
  { batch, state: first }: Pick<Span, "batch" | "state">,
  stored: number,
  heads: number,
): T {
  const [, rank, valueWidth] = states.shape;
  const stride = stateStride(states);
  return scope.backend.view(states, [batch * heads, rank, valueWidth], {
    offset: first * stored * stride,
    heads,
    shared: heads / stored,
    batch: stored * stride,
    head: stride,
    row: states.layout.row,
  });
}

/**
 * Returns where the `heads` of each sequence write the states in which a span ends, of which each sequence has `stored`: the states
 * themselves; or, where several heads end in the same state, a tensor with a state for every head, of which `finish` copies one each.
 */
export function finalStatesOf<T extends Tensor>(
  scope: Scope<T>,
  states: T | undefined,
  { batch, state, final = state }: Span,
  stored: number,
  heads: number,
): { readonly states: T | undefined; finish(): void } {
  if (states === undefined) return { states, finish: () => {} };
  const own = statesOf(scope, states, { batch, state: final }, stored, stored);
  if (heads === stored) return { states: own, finish: () => {} };
  const [, rank, valueWidth] = states.shape;
  const size = rank * valueWidth;
  const all = scope.empty([batch * heads, rank, valueWidth]);
  const layout = {
    offset: 0,
    shared: 1,
    batch: heads * size,
    head: (heads / stored) * size,
    row: valueWidth,
  };
  const firsts = scope.backend.view(all, own.shape, { ...layout, heads: stored });
  return { states: all, finish: () => scope.copy(firsts, own) };
}
