import { ValueError, type Tensor } from "@dlrt/core";
import type { CheckedLayer, Inputs } from "../engine/check.js";
import { rowsOf, type Packed, type Piece } from "../engine/packed.js";
import { stretched } from "../engine/pieces.js";
import type { Rule } from "../engine/rule.js";
import { withScope } from "../engine/scope.js";
import type { Storage } from "./storage.js";

/** One input's past rows, [slots, tokens·perToken, columns]. */
interface Past<T extends Tensor> {
  readonly packed: Packed<T>;
  readonly perToken: number;
  readonly parameter: boolean;
}

/** What a call gives to the log: all inputs but the query, which no state depends on. */
function kept<T extends Tensor>(rule: Rule, inputs: Inputs<T>): string[] {
  return Object.keys(rule.inputs).filter(
    (name) => rule.inputs[name]!.role !== "query" && inputs[name] !== undefined,
  );
}

/** Past inputs of a layer, so many tokens a slot. */
export class Log<T extends Tensor> {
  private constructor(
    readonly storage: Storage<T>,
    readonly rule: Rule,
    readonly call: CheckedLayer,
    readonly past: Readonly<Record<string, Past<T>>>,
  ) {}

  /** A log for calls like this one. */
  static open<T extends Tensor>(
    storage: Storage<T>,
    [rule, inputs, call]: readonly [Rule, Inputs<T>, CheckedLayer],
    slots: number,
    tokens: number,
  ): Log<T> {
    return withScope(storage.backend, call.dtype, (scope) => {
      const past: Record<string, Past<T>> = {};
      for (const name of kept(rule, inputs)) {
        const { role, steps } = rule.inputs[name]!;
        const perToken = steps ? call.steps : 1;
        const packed = scope.packed(slots, tokens * perToken, 1, inputs[name]!.shape[2]);
        past[name] = { packed, perToken, parameter: role === "parameter" };
      }
      for (const { packed } of Object.values(past)) scope.release(packed.tensor);
      return new Log(storage, rule, call, past);
    });
  }

  clone(storage: Storage<T>): Log<T> {
    return withScope(storage.backend, this.call.dtype, (scope) => {
      const past: Record<string, Past<T>> = {};
      for (const [name, own] of Object.entries(this.past)) {
        const { tensor } = own.packed;
        past[name] = {
          ...own,
          packed: { ...own.packed, tensor: scope.copy(tensor, scope.empty(tensor.shape)) },
        };
      }
      for (const { packed } of Object.values(past)) scope.release(packed.tensor);
      return new Log(storage, this.rule, this.call, past);
    });
  }

  dispose(): void {
    for (const { packed } of Object.values(this.past)) packed.tensor.dispose();
  }

  /** @throws ValueError where the rows of a call are not of the kind that is kept here */
  check(rule: Rule, inputs: Inputs<T>, { heads, eps, steps }: CheckedLayer): void {
    const { call } = this;
    const differ = (name: string, expected: string | number, got: string | number): void => {
      if (expected === got) return;
      const why = "as in the steps before, which a rollback may compute again";
      throw new ValueError(name, `${expected}, ${why}`, String(got));
    };
    const inputNames = ({ inputs }: Rule): string => Object.keys(inputs).join(", ");
    const columns = (t: T | undefined): string => (t === undefined ? "none" : `${t.shape[2]} columns`);
    differ("layer", `one of ${inputNames(this.rule)}`, `one of ${inputNames(rule)}`);
    if (rule !== this.rule) differ("layer", "the one", "another");
    for (const name of ["key", "value", "order"] as const)
      differ(`heads.${name}`, call.heads[name], heads[name]);
    differ("normalizeKeys", call.eps ?? "none", eps ?? "none");
    differ("key", `${call.steps} rows a token`, `${steps} rows a token`);
    for (const name of new Set([...Object.keys(this.past), ...kept(rule, inputs)]))
      differ(name, columns(this.past[name]?.packed.tensor), columns(inputs[name]));
  }

  /** Rows of the piece's tokens go to those of `slot` and the following slots, from token `at` on. */
  append(inputs: Inputs<T>, piece: Piece, slot: number, at: number): void {
    const { backend } = this.storage;
    const { batch, rows } = piece;
    const into: Piece = { batch, rows, sequence: slot, start: at, state: 0 };
    for (const [name, { packed, perToken, parameter }] of Object.entries(this.past)) {
      const tensor = inputs[name]!;
      const broadcast = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 0 };
      const from = parameter
        ? backend.view(tensor, [batch, rows, packed.width], broadcast)
        : rowsOf(backend, { ...packed, tensor }, stretched(piece, perToken), 1);
      this.storage.copy(from, rowsOf(backend, packed, stretched(into, perToken), 1));
    }
  }

  /** Of `batch` slots the `rows` tokens from token `from` on become the first ones; the two do not overlap. */
  shift(slot: number, batch: number, from: number, rows: number): void {
    if (rows === 0) return;
    const { backend } = this.storage;
    const piece: Piece = { batch, rows, sequence: slot, start: from, state: 0 };
    for (const { packed, perToken } of Object.values(this.past)) {
      const [source, target] = [piece, { ...piece, start: 0 }].map((at) =>
        rowsOf(backend, packed, stretched(at, perToken), 1),
      );
      this.storage.copy(source!, target!);
    }
  }

  /** The first `rows` tokens of `batch` slots as inputs of the layer, [batch, rows, columns]. */
  inputs(slot: number, batch: number, rows: number): Inputs<T> {
    const { backend } = this.storage;
    const piece: Piece = { batch, rows, sequence: slot, start: 0, state: 0 };
    return Object.fromEntries(
      Object.entries(this.past).map(([name, { packed, perToken }]) => [
        name,
        rowsOf(backend, packed, stretched(piece, perToken), 1),
      ]),
    );
  }
}
