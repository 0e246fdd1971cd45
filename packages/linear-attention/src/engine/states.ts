import type { Shape, Tensor } from "@dlrt/core";
import { isContiguous } from "@dlrt/core/backend";
import type { Piece } from "./packed.js";
import type { Scope } from "./scope.js";

/** How the caller keeps states: [N·heads, K, V] ("kv") or [N·heads, V, K] ("vk"), N sequences. */
export interface StateForm {
  readonly sequences: number;
  readonly heads: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly layout: "kv" | "vk";
}

/** How the engine keeps them: [N·heads, rank, V] without gaps; heads may repeat and channels may be added. */
interface EngineForm {
  readonly heads: number;
  readonly rank: number;
}

export function stateShape({ sequences, heads, keyWidth, valueWidth, layout }: StateForm): Shape {
  return [sequences * heads, ...(layout === "kv" ? [keyWidth, valueWidth] : [valueWidth, keyWidth])] as [
    number,
    number,
    number,
  ];
}

/** Whether the caller's tensor is the engine's own form as it lies. */
function isEngines(t: Tensor, form: StateForm, { heads, rank }: EngineForm): boolean {
  return form.layout === "kv" && form.heads === heads && form.keyWidth === rank && isContiguous(t);
}

/** The caller's states within the engine's: the first of the heads that repeat, the first K channels. */
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

/** The caller's states as the engine's: the tensor itself where it fits, or a copy with zeros where nothing was given. */
export function loadStates<T extends Tensor>(scope: Scope<T>, t: T, form: StateForm, engine: EngineForm): T {
  if (isEngines(t, form, engine)) return t;
  const states = scope.full(0, [form.sequences * engine.heads, engine.rank, form.valueWidth]);
  scope.copy(t, callersPart(scope, states, form, engine), { trans: form.layout === "vk" });
  return states;
}

/** Where the engine writes states meant for `t`: `t` itself where it fits; otherwise `finish` copies them. */
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

/** Elements from one state to the next, where no states lie between. */
const stateStride = ({ layout }: Tensor): number => (layout.heads === 1 ? layout.batch : layout.head);

/** The states of a piece, [batch·heads, rank, V], where `heads` of a sequence share the stored ones evenly. */
export function statesOf<T extends Tensor>(
  scope: Scope<T>,
  states: T,
  { batch, state: first }: Pick<Piece, "batch" | "state">,
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
 * Where `heads` of a sequence write the states that a piece ends in, `stored` of them: the states themselves, or where several
 * heads end in one state an array of their own, of which `finish` takes the first of those.
 */
export function finalStatesOf<T extends Tensor>(
  scope: Scope<T>,
  states: T | undefined,
  { batch, state, final = state }: Piece,
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
