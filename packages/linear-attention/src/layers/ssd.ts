import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, parameter, perHead, query, value, type Rule } from "../engine/rule.js";

export interface SsdInputs<T extends Tensor = Tensor> {
  /** [B, T, H·V] */
  readonly x: T;
  /** Δ, after its softplus, [B, T, H] or [B, T, 1] */
  readonly dt: T;
  /** negative, [1, 1, H] */
  readonly A: T;
  /** [B, T, G·K] */
  readonly B: T;
  /** [B, T, G·K] */
  readonly C: T;
  /** [1, 1, H]. Default: 0 */
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
    const skipped = tape.product(x!, D);
    const parts = [{ value: skipped, row: 0 }];
    const all =
      skipped.heads === outHeads ? skipped : tape.place(batch, tokens, [1, outHeads, valueWidth], parts);
    return tape.sum(output, all);
  },
};

/**
 * S ← e^(Δ A) S + B (Δ x)ᵀ;  y = scale · Sᵀ C + D x, scale 1 unless given: Mamba-2, the state space dual. With G groups of H heads:
 * heads { query: G, key: G, value: H }.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
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
 * Gradients of `ssd` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
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
