import { ValueError, type Tensor } from "@dlrt/core";
import type { CheckedLayer, Inputs } from "../engine/check.js";
import { ruleFor } from "../engine/fused-kernels.js";
import { outputOf } from "../engine/layer.js";
import type { Span } from "../engine/packed.js";
import { join } from "../engine/spans.js";
import type { Rule } from "../engine/rule.js";
import { withScope } from "../engine/scope.js";
import { Log } from "./log.js";
import { follows, sideBySide, type SlotRange } from "./ranges.js";
import type { StateStorage } from "./storage.js";

/**
 * What it takes to take back up to the last W tokens of every slot: the state before some of the last 2W tokens, called the slot's base, and
 * the layer's inputs for the tokens since. The base lies `slots` states behind the state itself. To take k tokens back, the state is
 * computed anew from the base and all of those tokens but the last k.
 *
 * The other way would be a copy of the state after each of W tokens. That takes W·K·V numbers for each head, where the base takes K·V and the
 * log some 2W·(2K + V) at most. It also writes a whole state for every token, where the log writes a row, and several tokens that are
 * verified in one call would have to run one by one. The price of the log is a call over at most 2W tokens where some are taken back, and
 * one for every W tokens that moves the base on. A state that was computed anew differs by rounding, as it does with any other cut of a
 * sequence into calls.
 */
export class Window<T extends Tensor> {
  /** The number of tokens of each slot since its base. Where it is 0, the base means nothing. */
  readonly #lengths: Int32Array;
  /** The number of tokens of each slot that may be taken back. */
  readonly #available: Int32Array;
  #log: Log<T> | undefined;

  /** @param storage has the states of all slots, and as many bases behind them */
  constructor(
    readonly width: number,
    readonly slots: number,
    readonly storage: StateStorage<T>,
  ) {
    this.#lengths = new Int32Array(slots);
    this.#available = new Int32Array(slots);
  }

  /** Copies what another window of the same width knows of its slots. The storage must have that one's states and bases already. */
  copyFrom(other: Window<T>): void {
    this.#log = other.#log?.clone(this.storage);
    this.#lengths.set(other.#lengths);
    this.#available.set(other.#available);
  }

  dispose(): void {
    this.#log?.dispose();
    this.#log = undefined;
  }

  /** Checks that a call may follow those before. @throws ValueError where its layer, options or inputs are others */
  check(rule: Rule, inputs: Inputs<T>, call: CheckedLayer): void {
    if (!this.#empty) this.#log?.check(rule, inputs, call);
  }

  /**
   * Makes room in the log for the tokens of a call, and returns the spans in which the call is to be computed: of more than W tokens the last
   * W are a span of their own, before which the state becomes the base.
   */
  spansOf(ranges: readonly SlotRange[], rule: Rule, inputs: Inputs<T>, call: CheckedLayer): readonly Span[] {
    if (this.#empty) {
      this.dispose();
      this.#log = Log.open(this.storage, [rule, inputs, call], this.slots, 2 * this.width);
    }
    this.#makeRoom(ranges);
    const afresh = ranges.filter(({ slot, rows }) => this.#lengths[slot] === 0 || rows >= this.width);
    const runs = join(
      afresh.filter(({ rows }) => rows <= this.width),
      follows,
    );
    for (const { slot, batch } of runs) this.#move(slot, slot + this.slots, batch);
    // The slots are forgotten before anything is computed, so that a failure leaves no base that belongs to other tokens.
    for (const { slot } of afresh) this.forget(slot);
    return join(ranges, sideBySide).flatMap(({ slot: state, start, rows, batch, sequence }): Span[] => {
      const cut = rows - this.width;
      const base = state + this.slots;
      if (cut <= 0) return [{ batch, sequence, start, rows, state }];
      return [
        { batch, sequence, start, rows: cut, state, final: base },
        { batch, sequence, start: start + cut, rows: this.width, state: base, final: state },
      ];
    });
  }

  /** Logs the last tokens of a call, at most W of each slot, after it was computed. */
  record(ranges: readonly SlotRange[], inputs: Inputs<T>): void {
    const lengths = this.#lengths;
    const alike = (a: SlotRange, b: SlotRange): boolean =>
      sideBySide(a, b) && lengths[a.slot] === lengths[b.slot];
    for (const { batch, sequence, start, rows, slot } of join(ranges, alike)) {
      const count = Math.min(rows, this.width);
      const at = lengths[slot]!;
      const span = { batch, sequence, start: start + rows - count, rows: count, state: 0 };
      this.#log!.append(inputs, span, slot, at);
      for (let own = slot; own < slot + batch; own++) {
        lengths[own] = at + count;
        this.#available[own] = Math.min(this.width, this.#available[own]! + rows);
      }
    }
  }

  /** @throws ValueError where more tokens are to be taken back than a slot has */
  checkRollback(slots: Int32Array, counts: ArrayLike<number>): void {
    slots.forEach((slot, n) => {
      const most = this.#available[slot]!;
      if (counts[n]! > most)
        throw new ValueError(
          "tokens",
          `at most ${most}, which slot ${slot} can take back`,
          String(counts[n]),
        );
    });
  }

  /** Takes back the last `counts[n]` tokens of slot `slots[n]`, for every n. */
  rollback(slots: Int32Array, counts: ArrayLike<number>): void {
    const ordered = Array.from(slots, (slot, n) => ({ slot, batch: 1, count: counts[n]! }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => a.slot - b.slot)
      .map((range) => ({ ...range, rest: this.#lengths[range.slot]! - range.count }));
    for (const { slot, batch, rest } of join(ordered, (a, b) => follows(a, b) && a.rest === b.rest)) {
      if (rest === 0) this.#move(slot + this.slots, slot, batch);
      else this.#replay(slot, batch, rest, slot);
    }
    for (const { slot, count, rest } of ordered) {
      this.#lengths[slot] = rest;
      this.#available[slot]! -= count;
    }
  }

  /** Forgets the tokens of a slot, none of which can be taken back any more. */
  forget(slot: number): void {
    this.#lengths[slot] = 0;
    this.#available[slot] = 0;
  }

  get #empty(): boolean {
    return this.#lengths.every((length) => length === 0);
  }

  /** Moves bases on where the log has no room for the tokens of a call, so that W tokens can be taken back after it. */
  #makeRoom(ranges: readonly SlotRange[]): void {
    const lengths = this.#lengths;
    const full = ranges.filter(
      ({ slot, rows }) => rows < this.width && lengths[slot]! + rows > 2 * this.width,
    );
    const alike = (a: SlotRange, b: SlotRange): boolean =>
      follows(a, b) && a.rows === b.rows && lengths[a.slot] === lengths[b.slot];
    for (const { slot, batch, rows } of join(full, alike)) {
      const keep = this.width - rows;
      const gone = lengths[slot]! - keep;
      this.#replay(slot, batch, gone, slot + this.slots);
      this.#log!.shift(slot, batch, gone, keep);
      lengths.fill(keep, slot, slot + batch);
    }
  }

  /** Computes the states of `batch` slots after the first `rows` tokens since their bases, and writes them to the states from `final` on. */
  #replay(slot: number, batch: number, rows: number, final: number): void {
    const { rule, call } = this.#log!;
    const { backend, sizes } = this.storage;
    withScope(backend, call.dtype, (scope) => {
      const query = scope.repeated(0, [batch, rows, sizes.heads * sizes.keyWidth]);
      const name = Object.keys(rule.inputs).find((input) => rule.inputs[input]!.role === "query")!;
      const inputs = { ...this.#log!.inputs(slot, batch, rows), [name]: query };
      const again: CheckedLayer = {
        ...call,
        batch,
        tokens: rows,
        heads: { ...call.heads, query: sizes.heads },
        outHeads: sizes.heads,
        spans: [{ batch, start: 0, rows, state: slot + this.slots, final }],
        padding: [],
      };
      const own = ruleFor(backend, rule, again, false);
      const states = this.storage.all(own.scratchChannels);
      outputOf(scope, own, inputs, again, { initialState: states, finalState: states });
    });
  }

  #move(from: number, to: number, count: number): void {
    this.storage.copy(this.storage.part(from, count), this.storage.part(to, count));
  }
}
