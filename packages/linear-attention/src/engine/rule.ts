import type { Tensor } from "@dlrt/core";
import type { Mix } from "./operands.js";
import type { Tape, Value } from "./tape.js";

/**
 * What an input is. "query", "key" and "value" have the heads that the options say; a "gate" has those of the state, or a
 * divisor of them; a "parameter" is [1, 1, heads of the state], one for all tokens.
 */
export interface Input {
  readonly role: "query" | "key" | "value" | "gate" | "parameter";
  /** Columns of a head of a gate: one, or those of a key or a value. */
  readonly width?: "one" | "key" | "value";
  readonly optional?: boolean;
  /** Has as many rows as the first key, which may be several a token. */
  readonly steps?: boolean;
}

/** Sizes of a call, and how a mapping asks the engine for the output. */
export interface Mapping<T extends Tensor> {
  readonly tape: Tape<T>;
  readonly batch: number;
  readonly tokens: number;
  /** Rows of the first key for one token. */
  readonly steps: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly stateHeads: number;
  readonly outHeads: number;
  /** `rows` of `perToken` rows a token, each; the output is what the query reads. */
  mix(rows: Mix<T>): Value<T>;
}

/** A layer: its inputs and how they become the engine's rows. */
export interface Rule {
  readonly inputs: Readonly<Record<string, Input>>;
  /** Default: 1/√K. */
  readonly scale?: number;
  /** Channels that the engine's state has beside the layer's K. */
  readonly scratch?: number;
  /** The same layer without scratch channels, for backends whose kernel has an erase key of its own. */
  readonly direct?: Rule;
  /** Takes the inputs to the output, [B, T, heads·V]. */
  map<T extends Tensor>(mapping: Mapping<T>, inputs: Readonly<Record<string, Value<T>>>): Value<T>;
}

export const query: Input = { role: "query" };
export const key: Input = { role: "key" };
export const value: Input = { role: "value" };
export const perHead: Input = { role: "gate", width: "one" };
export const perKeyChannel: Input = { role: "gate", width: "key" };
export const perValueColumn: Input = { role: "gate", width: "value" };
export const parameter: Input = { role: "parameter" };
