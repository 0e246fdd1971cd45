import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, parameter, perHead, query, value, type Rule } from "../engine/rule.js";

export interface SsdInputs<T extends Tensor = Tensor> {
  /** [B, T, H·V] */
  readonly x: T;
  /** Δ, after its softplus: [B, T, H], or [B, T, 1] for all heads */
  readonly dt: T;
  /** One negative number for each head, [1, 1, H]: the state decays by e^(Δ A) */
  readonly A: T;
  /** [B, T, G·K] */
  readonly B: T;
  /** [B, T, G·K] */
  readonly C: T;
  /** One number for each head, [1, 1, H]: y has D x beside what is read of the state. Default: 0 */
  readonly D?: T | undefined;
}

export const rule: Rule = {
  inputs: {
    x: value,
    dt: perHead,
    A: parameter,
    B: key,
    C: query,
    D: { ...parameter, optional: true },
  },
  scale: 1,
  map: ({ mix, tape, batch, tokens, outHeads, valueWidth }, { x, dt, A, B, C, D }) => {
    const output = mix({ query: C!, key: B!, value: tape.product(x!, dt!), decay: tape.product(dt!, A!) });
    if (D === undefined) return output;
    const skip = tape.product(x!, D);
    const parts = [{ value: skip, row: 0 }];
    const skipOfOutput =
      skip.heads === outHeads ? skip : tape.place(batch, tokens, [1, outHeads, valueWidth], parts);
    return tape.sum(output, skipOfOutput);
  },
};

/**
 * S ← e^(Δ A) S + B (Δ x)ᵀ;  y = scale · Sᵀ C + D x, scale 1 unless given: Mamba-2, the state space dual. With H heads in G groups,
 * the option `heads` is { query: G, key: G, value: H }.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Dao and Gu, "Transformers are SSMs", arXiv 2405.21060.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function ssd<T extends Tensor>(
  backend: Backend<T>,
  inputs: SsdInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `ssd` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `ssd`
 */
export function ssdVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: SsdInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<SsdInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<SsdInputs<T>, T>;
}
