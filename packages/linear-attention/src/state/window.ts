import { ValueError, type Tensor } from "@dlrt/core";
import type { CheckedLayer, Inputs } from "../engine/check.js";
import { ruleFor } from "../engine/fused.js";
import { outputOf } from "../engine/layer.js";
import type { Piece } from "../engine/packed.js";
import { join } from "../engine/pieces.js";
import type { Rule } from "../engine/rule.js";
import { withScope } from "../engine/scope.js";
import { Log } from "./log.js";
import { follows, sideBySide, type Range } from "./ranges.js";
import type { Storage } from "./storage.js";

/**
 * The last W tokens of every slot, to be taken back: the state before some of the last 2W tokens (its base, which lies `slots`
 * states behind the state itself) and the layer's inputs since. Taking back k tokens computes the state anew, from the base and
 * all of those but k.
 *
 * The other way is a copy of the state after each of W tokens. That takes W·K·V numbers a head, where base and log take K·V and
 * some 2W·(2K + V) at most; and it writes a whole state for every token, for which several tokens verified in one call would
 * have to run one by one, where the log writes a row. The price is a call over at most 2W tokens where some are taken back, and one
 * in W tokens that moves the base on. A state computed anew differs by rounding, as with any other cut of a sequence into calls.
 */
export class Window<T extends Tensor> {
  /** Tokens of each slot since its base. Where it is 0 the base says nothing. */
  readonly #lengths: Int32Array;
  /** Tokens of each slot that may be taken back. */
  readonly #available: Int32Array;
  #log: Log<T> | undefined;

  /** @param storage states of all slots, and as many bases after them */
  constructor(
    readonly width: number,
    readonly slots: number,
    readonly storage: Storage<T>,
  ) {
    this.#lengths = new Int32Array(slots);
    this.#available = new Int32Array(slots);
  }

  /** What another window of the same width has of its slots; this one's storage has its states and bases. */
  copyFrom(other: Window<T>): void {
    this.#log = other.#log?.clone(this.storage);
    this.#lengths.set(other.#lengths);
    this.#available.set(other.#available);
  }

  dispose(): void {
    this.#log?.dispose();
    this.#log = undefined;
  }

  /** @throws ValueError where the rows of a call are not of the kind that is kept */
  check(rule: Rule, inputs: Inputs<T>, call: CheckedLayer): void {
    if (!this.#empty) this.#log?.check(rule, inputs, call);
  }

  /** Makes room for the tokens of a call, and says in which pieces it is to be computed. */
  before(ranges: readonly Range[], rule: Rule, inputs: Inputs<T>, call: CheckedLayer): readonly Piece[] {
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
    // What fails from here on leaves no base that belongs to other tokens.
    for (const { slot } of afresh) this.forget(slot);
    return join(ranges, sideBySide).flatMap(({ slot: state, start, rows, batch, sequence }): Piece[] => {
      const cut = rows - this.width;
      const base = state + this.slots;
      if (cut <= 0) return [{ batch, sequence, start, rows, state }];
      return [
        { batch, sequence, start, rows: cut, state, final: base },
        { batch, sequence, start: start + cut, rows: this.width, state: base, final: state },
      ];
    });
  }

  /** Keeps the last tokens of a call that was computed. */
  after(ranges: readonly Range[], inputs: Inputs<T>): void {
    const lengths = this.#lengths;
    const alike = (a: Range, b: Range): boolean => sideBySide(a, b) && lengths[a.slot] === lengths[b.slot];
    for (const { batch, sequence, start, rows, slot } of join(ranges, alike)) {
      const count = Math.min(rows, this.width);
      const at = lengths[slot]!;
      const piece = { batch, sequence, start: start + rows - count, rows: count, state: 0 };
      this.#log!.append(inputs, piece, slot, at);
      for (let own = slot; own < slot + batch; own++) {
        lengths[own] = at + count;
        this.#available[own] = Math.min(this.width, this.#available[own]! + rows);
      }
    }
  }

  /** @throws ValueError where there are not so many tokens */
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

  /** Takes the last `counts[n]` tokens of slot `slots[n]` back. */
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

  /** What the slot has seen cannot be taken back any more. */
  forget(slot: number): void {
    this.#lengths[slot] = 0;
    this.#available[slot] = 0;
  }

  get #empty(): boolean {
    return this.#lengths.every((length) => length === 0);
  }

  /** Moves bases on where the log has no room for more tokens, so that the window is whole after them. */
  #makeRoom(ranges: readonly Range[]): void {
    const lengths = this.#lengths;
    const full = ranges.filter(
      ({ slot, rows }) => rows < this.width && lengths[slot]! + rows > 2 * this.width,
    );
    const alike = (a: Range, b: Range): boolean =>
      follows(a, b) && a.rows === b.rows && lengths[a.slot] === lengths[b.slot];
    for (const { slot, batch, rows } of join(full, alike)) {
      const keep = this.width - rows;
      const gone = lengths[slot]! - keep;
      this.#replay(slot, batch, gone, slot + this.slots);
      this.#log!.shift(slot, batch, gone, keep);
      lengths.fill(keep, slot, slot + batch);
    }
  }

  /** The states after the first `rows` tokens since the base, of `batch` slots, go to those from `final` on. */
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
        pieces: [{ batch, start: 0, rows, state: slot + this.slots, final }],
        padding: [],
      };
      const own = ruleFor(backend, rule, again, false);
      const states = this.storage.all(own.scratch);
      outputOf(scope, own, inputs, again, { initialState: states, finalState: states });
    });
  }

  #move(from: number, to: number, count: number): void {
    this.storage.copy(this.storage.part(from, count), this.storage.part(to, count));
  }
}
