import { DisposedError, ValueError } from "@dlrt/core";
import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import type { CheckedLayer, Inputs } from "../engine/check.js";
import { ruleFor } from "../engine/fused-kernels.js";
import { callIntercepted, type LayerFunction } from "../engine/intercept.js";
import { outputOf } from "../engine/layer.js";
import { join } from "../engine/spans.js";
import type { Rule } from "../engine/rule.js";
import { withScope } from "../engine/scope.js";
import {
  checkCounts,
  checkData,
  checkFit,
  checkLayoutName,
  checkSizes,
  checkSlots,
  checkStepOptions,
  type StateSelection,
  type StateSizes,
  type StepOptions,
} from "./check.js";
import { rangesOf, runsOf, sideBySide } from "./ranges.js";
import { StateStorage } from "./storage.js";
import { Window } from "./window.js";

/**
 * The states of a layer between its calls, for decoding: K×V for each head of each slot, a slot being a sequence. They stay where they are,
 * and `step` updates them in place. They are zero at first. Calls take effect in order, and only `read` is awaited.
 *
 * With a `window` of W the last W tokens of each slot can be taken back. For that the inputs of the last 2W tokens are kept, and a second
 * state for each slot. Where tokens are taken back, the state is computed anew from these.
 */
export class State<T extends Tensor = Tensor> implements Disposable {
  readonly backend: Backend<T>;
  readonly slots: number;
  readonly heads: number;
  /** K */
  readonly keyWidth: number;
  /** V */
  readonly valueWidth: number;
  readonly dtype: Dtype;
  /** W */
  readonly window: number;
  readonly #storage: StateStorage<T>;
  readonly #window: Window<T> | undefined;

  /** @throws ValueError, DtypeError, UnsupportedError, LimitError, DisposedError; nothing is left allocated then */
  constructor(backend: Backend<T>, sizes: StateSizes) {
    const { slots, heads, keyWidth, valueWidth, dtype, window } = checkSizes(sizes);
    [this.backend, this.slots, this.heads] = [backend, slots, heads];
    [this.keyWidth, this.valueWidth, this.dtype, this.window] = [keyWidth, valueWidth, dtype, window];
    const count = window > 0 ? 2 * slots : slots;
    this.#storage = new StateStorage(backend, { count, heads, keyWidth, valueWidth, dtype });
    this.#window = window > 0 ? new Window(window, slots, this.#storage) : undefined;
  }

  /**
   * Computes the layer's output for the next tokens, one or many, of the sequences in `slots`, and moves their states on by these tokens.
   * The sequences may be a padded batch, or packed into one.
   *
   *     const output = state.step(gatedDeltaRule, { query, key, value, beta, decay }, { heads, slots });
   *
   * With a window the layer, its options and its rows for each token must be those of the steps before, unless every slot was reset.
   * @param layer is a layer of this package, or a function that hands its options on to one
   * @returns the output, [B, T, heads·V], the caller's to dispose
   * @throws as the layer, before any state has changed; ShapeError, ValueError, DtypeError (slots, inputs of other states), DisposedError
   */
  step<I>(layer: LayerFunction<I, T>, inputs: I, options: StepOptions): T {
    this.#assertLive();
    checkStepOptions(options);
    const { slots, ...rest } = options;
    return callIntercepted(layer, this.backend, inputs, rest, (rule, given, call) =>
      this.#step(rule, given, call, slots),
    );
  }

  #step(rule: Rule, inputs: Inputs<T>, call: CheckedLayer, slots: Int32Array | undefined): T {
    checkFit(call, this);
    const ranges = rangesOf(call.spans, checkSlots(slots, this.slots, call.form.sequences));
    const window = ranges.length > 0 ? this.#window : undefined;
    window?.check(rule, inputs, call);
    return withScope(this.backend, this.dtype, (scope) => {
      const own = ruleFor(this.backend, rule, call, false);
      const states = this.#storage.all(own.scratchChannels);
      const spans =
        window?.spansOf(ranges, rule, inputs, call) ??
        join(ranges, sideBySide).map(({ slot, ...span }) => ({ ...span, state: slot }));
      const whole = { initialState: states, finalState: states };
      const output = outputOf(scope, own, inputs, { ...call, spans }, whole);
      window?.record(ranges, inputs);
      return scope.release(output);
    });
  }

  /**
   * Takes back the last tokens of slots, as if they had never been: for instance those that were proposed, verified together in one step, and
   * refused. Of each slot, at most the last W tokens up to the furthest that it has seen can be taken back, and none from before it was
   * reset or written.
   * @param tokens is how many, a number for all slots or one for each
   * @param slots are the slots. Default: all
   * @throws ValueError (more than there are), ShapeError, DisposedError, before anything is taken back
   */
  rollback(tokens: number | Int32Array, slots?: Int32Array): void {
    this.#assertLive();
    const chosen = checkSlots(slots, this.slots);
    const counts = checkCounts(tokens, chosen);
    if (this.#window) this.#window.checkRollback(chosen, counts);
    else if (counts.some((count) => count > 0))
      throw new ValueError("tokens", "0 of a state without a window", describe(tokens));
    this.#window?.rollback(chosen, counts);
  }

  /**
   * Reads the states as an array, [slots·heads, K, V] or with `layout: "vk"` [slots·heads, V, K], after all work that was enqueued before.
   * @throws by rejecting: ValueError, DisposedError, and as the backend's `read`
   */
  async read({ slots, layout }: StateSelection = {}): Promise<FloatArray> {
    this.#assertLive();
    const chosen = checkSlots(slots, this.slots);
    const trans = checkLayoutName(layout);
    const copy = this.backend.empty(this.#shapeOf(chosen.length, trans), this.dtype);
    try {
      for (const { slot, at, batch } of runsOf(chosen))
        this.#storage.copy(this.#storage.part(slot, batch), this.#storage.part(at, batch, copy), trans);
      return await this.backend.read(copy);
    } finally {
      copy.dispose();
    }
  }

  /**
   * Sets states to what `read` gave, here or on another backend. No token from before that can be taken back.
   * @throws ValueError, ShapeError, DtypeError, LimitError, DisposedError
   */
  write(data: FloatArray, { slots, layout }: StateSelection = {}): void {
    this.#assertLive();
    const chosen = checkSlots(slots, this.slots);
    const trans = checkLayoutName(layout);
    const shape = this.#shapeOf(chosen.length, trans);
    checkData(data, this.dtype, shape[0] * shape[1] * shape[2]);
    const given = this.backend.upload({ data, shape });
    try {
      for (const { slot, at, batch } of runsOf(chosen))
        this.#storage.copy(this.#storage.part(at, batch, given), this.#storage.part(slot, batch), trans);
    } finally {
      given.dispose();
    }
    for (const slot of chosen) this.#window?.forget(slot);
  }

  /** Sets slots to zero, for new sequences. @param slots are the slots. Default: all @throws ValueError, DisposedError */
  reset(slots?: Int32Array): void {
    this.#assertLive();
    for (const { slot, batch } of runsOf(checkSlots(slots, this.slots))) {
      this.#storage.clear(slot, batch);
      for (let own = slot; own < slot + batch; own++) this.#window?.forget(own);
    }
  }

  /** Makes another State with the same states, of which the same tokens can be taken back. @throws LimitError, DisposedError */
  clone(): State<T> {
    this.#assertLive();
    const { slots, heads, keyWidth, valueWidth, dtype, window } = this;
    const copy = new State(this.backend, { slots, heads, keyWidth, valueWidth, dtype, window });
    try {
      copy.#storage.copyFrom(this.#storage);
      if (this.#window) copy.#window!.copyFrom(this.#window);
    } catch (error) {
      copy.dispose();
      throw error;
    }
    return copy;
  }

  get disposed(): boolean {
    return this.#storage.disposed;
  }

  /** Frees what it holds. It may be called again. */
  dispose(): void {
    this.#window?.dispose();
    this.#storage.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #shapeOf(count: number, trans: boolean): Shape {
    const { heads, keyWidth, valueWidth } = this;
    return trans ? [count * heads, valueWidth, keyWidth] : [count * heads, keyWidth, valueWidth];
  }

  #assertLive(): void {
    if (this.disposed) throw new DisposedError("state");
  }
}
