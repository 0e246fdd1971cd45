import { DisposedError, elementCount, ValueError, type Backend, type Sizes, type Tensor } from "@dlrt/core";
import { checkReadable, describe } from "@dlrt/core/backend";
import type { CheckedLayer, Inputs } from "./check.js";
import type { KeptTensors } from "./operands.js";
import type { Kept, LayerOptions } from "./options.js";
import type { Rule } from "./rule.js";
import type { Scope } from "./scope.js";

/** The description of a call. What one call has kept fits a later one with the same description. */
interface Call {
  readonly rule: Rule;
  readonly sizes: string;
  readonly inputs: Readonly<Record<string, readonly [storage: object, place: string]>>;
}

interface Contents {
  readonly call: Call;
  readonly tensors: KeptTensors<Tensor>;
}

/**
 * The key of an object's contents. It is a symbol, because a proxy of the object, as Vue and MobX make them, hands a symbol on and not a
 * private field.
 */
const contents = Symbol("kept");

class KeptCall implements Kept {
  [contents]: Contents | undefined;
  constructor(kept: Contents) {
    this[contents] = kept;
  }

  get disposed(): boolean {
    const kept = this[contents];
    return kept === undefined || kept.tensors.some((t) => t?.disposed);
  }

  dispose(): void {
    for (const t of this[contents]?.tensors ?? []) t?.dispose();
    this[contents] = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Makes the `kept` that a forward call returns. @param tensors belong to it from now on, and are disposed with it */
export function keptOf<T extends Tensor>(call: Call, tensors: KeptTensors<T>): Kept {
  // They are frozen, because a proxy of the object must give a frozen property's own value, and not a proxy of the tensors.
  return new KeptCall(Object.freeze({ call, tensors: Object.freeze(tensors) as KeptTensors<T> }));
}

/**
 * Describes a call: where its inputs lie, and all else on which the kept tensors depend. Views of the same elements are described
 * alike.
 */
export function describeCall<T extends Tensor>(
  rule: Rule,
  inputs: Inputs<T>,
  call: CheckedLayer,
  { initialState }: LayerOptions<T>,
): Call {
  const { dtype, batch, tokens, steps, heads, keyWidth, valueWidth, eps, spans } = call;
  const state = initialState !== undefined;
  const sizes = { dtype, batch, tokens, steps, heads, keyWidth, valueWidth, eps, pieces: spans, state };
  const given = Object.keys(rule.inputs).filter((name) => inputs[name] !== undefined);
  const places = given.map((name) => {
    // The shape belongs to it: only that tells a gate of one head from the array of several heads in which it lies.
    const { storage, byteOffset, layout, shape } = inputs[name]!;
    return [name, [storage, JSON.stringify([byteOffset, layout, shape])]] as const;
  });
  return { rule, sizes: JSON.stringify(sizes), inputs: Object.fromEntries(places) };
}

/**
 * Returns the tensors of `kept`, or undefined where there is none.
 * @param call describes the call whose gradient is asked for
 * @throws ValueError where `kept` comes from another call or another backend, DisposedError
 */
export function keptTensors<T extends Tensor>(
  backend: Backend<T>,
  kept: Kept | undefined,
  call: () => Call,
): KeptTensors<T> | undefined {
  if (kept === undefined) return undefined;
  const expected = (what: string, got: string): ValueError => new ValueError("kept", what, got);
  if (typeof kept !== "object" || kept === null || !(contents in kept))
    throw expected("the `kept` of a forward call with keep: true", describe(kept));
  if (kept.disposed) throw new DisposedError("kept");
  const { call: was, tensors } = (kept as KeptCall)[contents]!;
  // Two backends may have tensors over one memory, but only the backend that kept these knows what they mean.
  for (const t of tensors) if (t) checkReadable(backend, "kept", t);
  const is = call();
  if (was.rule !== is.rule) throw expected("one of this layer", "one of another");
  if (was.sizes !== is.sizes) throw expected(`one of a call of ${is.sizes}`, was.sizes);
  for (const [name, [storage, place]] of Object.entries(is.inputs)) {
    const [otherStorage, otherPlace] = was.inputs[name] ?? [];
    if (storage !== otherStorage || place !== otherPlace)
      throw expected("one of a call with these inputs", `one with another ${name}`);
  }
  if (Object.keys(was.inputs).length !== Object.keys(is.inputs).length)
    throw expected(
      `one of a call with ${Object.keys(is.inputs).join(", ")}`,
      Object.keys(was.inputs).join(", "),
    );
  return tensors as KeptTensors<T>;
}

/** Makes the tensor in which a kernel keeps something of a span of these sizes; undefined where the backend keeps nothing. */
export function placeForKept<T extends Tensor>(scope: Scope<T>, sizes: Sizes): T | undefined {
  const shape = scope.backend.keptShape?.(sizes, scope.dtype);
  return shape && elementCount(shape) > 0 ? scope.empty(shape) : undefined;
}
