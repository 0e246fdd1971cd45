import { ValueError, type Tensor } from "@dlrt/core";
import type { CheckedLayer, Inputs } from "../engine/check.js";
import { rowsOf, type Packed, type Span } from "../engine/packed.js";
import { stretched } from "../engine/spans.js";
import type { Rule } from "../engine/rule.js";
import { withScope } from "../engine/scope.js";
import type { StateStorage } from "./storage.js";

/** The past rows of one of the layer's inputs. */
interface LoggedInput<T extends Tensor> {
  /** [slots, tokens·perToken, columns], as one head */
  readonly packed: Packed<T>;
  /** The rows of the input for each token. */
  readonly perToken: number;
  /** Whether the input is a parameter, which is one row for all tokens. The log has it in a row for each. */
  readonly parameter: boolean;
}

/** Returns the names of the inputs that are logged: all but the query, on which no state depends. */
function loggedNames<T extends Tensor>(rule: Rule, inputs: Inputs<T>): string[] {
  return Object.keys(rule.inputs).filter(
    (name) => rule.inputs[name]!.role !== "query" && inputs[name] !== undefined,
  );
}

/** The inputs of a layer for the last tokens of every slot. */
export class Log<T extends Tensor> {
  private constructor(
    readonly storage: StateStorage<T>,
    readonly rule: Rule,
    readonly call: CheckedLayer,
    readonly logged: Readonly<Record<string, LoggedInput<T>>>,
  ) {}

  /** Makes a log for calls like this one, with room for `tokens` tokens in each of `slots` slots. */
  static open<T extends Tensor>(
    storage: StateStorage<T>,
    [rule, inputs, call]: readonly [Rule, Inputs<T>, CheckedLayer],
    slots: number,
    tokens: number,
  ): Log<T> {
    return withScope(storage.backend, call.dtype, (scope) => {
      const logged: Record<string, LoggedInput<T>> = {};
      for (const name of loggedNames(rule, inputs)) {
        const { role, steps } = rule.inputs[name]!;
        const perToken = steps ? call.steps : 1;
        const packed = scope.packed(slots, tokens * perToken, 1, inputs[name]!.shape[2]);
        logged[name] = { packed, perToken, parameter: role === "parameter" };
      }
      for (const { packed } of Object.values(logged)) scope.release(packed.tensor);
      return new Log(storage, rule, call, logged);
    });
  }

  /** Makes a copy, which goes with another storage. */
  clone(storage: StateStorage<T>): Log<T> {
    return withScope(storage.backend, this.call.dtype, (scope) => {
      const logged: Record<string, LoggedInput<T>> = {};
      for (const [name, own] of Object.entries(this.logged)) {
        const { tensor } = own.packed;
        logged[name] = {
          ...own,
          packed: { ...own.packed, tensor: scope.copy(tensor, scope.empty(tensor.shape)) },
        };
      }
      for (const { packed } of Object.values(logged)) scope.release(packed.tensor);
      return new Log(storage, this.rule, this.call, logged);
    });
  }

  dispose(): void {
    for (const { packed } of Object.values(this.logged)) packed.tensor.dispose();
  }

  /** Checks that a call may follow those whose inputs are logged. @throws ValueError where its layer, options or inputs are others */
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
    for (const name of new Set([...Object.keys(this.logged), ...loggedNames(rule, inputs)]))
      differ(name, columns(this.logged[name]?.packed.tensor), columns(inputs[name]));
  }

  /** Copies the inputs of a span's tokens into the log, to `slot` and the slots after it, from their token `at` on. */
  append(inputs: Inputs<T>, span: Span, slot: number, at: number): void {
    const { backend } = this.storage;
    const { batch, rows } = span;
    const into: Span = { batch, rows, sequence: slot, start: at, state: 0 };
    for (const [name, { packed, perToken, parameter }] of Object.entries(this.logged)) {
      const tensor = inputs[name]!;
      const broadcast = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 0 };
      const from = parameter
        ? backend.view(tensor, [batch, rows, packed.width], broadcast)
        : rowsOf(backend, { ...packed, tensor }, stretched(span, perToken), 1);
      this.storage.copy(from, rowsOf(backend, packed, stretched(into, perToken), 1));
    }
  }

  /** Makes the `rows` tokens from token `from` on the first ones of `batch` slots. The two ranges of tokens must not overlap. */
  shift(slot: number, batch: number, from: number, rows: number): void {
    if (rows === 0) return;
    const { backend } = this.storage;
    const span: Span = { batch, rows, sequence: slot, start: from, state: 0 };
    for (const { packed, perToken } of Object.values(this.logged)) {
      const [source, target] = [span, { ...span, start: 0 }].map((at) =>
        rowsOf(backend, packed, stretched(at, perToken), 1),
      );
      this.storage.copy(source!, target!);
    }
  }

  /** Returns the first `rows` tokens of `batch` slots as inputs of the layer, without a copy: [batch, rows·perToken, columns] each. */
  inputs(slot: number, batch: number, rows: number): Inputs<T> {
    const { backend } = this.storage;
    const span: Span = { batch, rows, sequence: slot, start: 0, state: 0 };
    return Object.fromEntries(
      Object.entries(this.logged).map(([name, { packed, perToken }]) => [
        name,
        rowsOf(backend, packed, stretched(span, perToken), 1),
      ]),
    );
  }
}
