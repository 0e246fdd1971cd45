import type { Tensor } from "@dlrt/core";
import type { Mix } from "./operands.js";
import type { Tape, Value } from "./tape.js";

/** The description of a layer's input, by which it is checked and cut into heads. */
export interface Input {
  /**
   * "query", "key" and "value" have the heads that the options say. A "gate" has the heads of the state, or a divisor of
   * them. A "parameter" is [1, 1, heads of the state], one number for all tokens.
   */
  readonly role: "query" | "key" | "value" | "gate" | "parameter";
  /** The columns of a head of a gate: one, or as many as a key or a value has. */
  readonly width?: "one" | "key" | "value";
  /** Whether the input may be left out. */
  readonly optional?: boolean;
  /** Whether the input has as many rows as the first key, which may have several for each token. */
  readonly steps?: boolean;
}

/** The sizes of a call, and the function by which a layer's mapping asks the engine for the output. */
export interface Mapping<T extends Tensor> {
  readonly tape: Tape<T>;
  readonly batch: number;
  readonly tokens: number;
  /** The rows of the first key for one token. */
  readonly steps: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly stateHeads: number;
  readonly outHeads: number;
  /** Computes what the query reads, row by row. All arrays of `rows` have the same number of rows for each token. */
  mix(rows: Mix<T>): Value<T>;
}

/** The rule of a layer: what its inputs are, and how they become the engine's rows. */
export interface Rule {
  readonly inputs: Readonly<Record<string, Input>>;
  /** What the output is multiplied by where the caller does not say. Default: 1/√K. */
  readonly scale?: number;
  /** How many channels the engine's state has behind the layer's K, to keep what a row reads for the next row. Default 0. */
  readonly scratchChannels?: number;
  /** The same layer without scratch channels, for backends whose kernels take an erase key of the layer's own. */
  readonly withoutScratch?: Rule;
  /** Maps the inputs to the engine's rows, and returns the layer's output, [B, T, heads·V]. */
  map<T extends Tensor>(mapping: Mapping<T>, inputs: Readonly<Record<string, Value<T>>>): Value<T>;
}

export const query: Input = { role: "query" };
export const key: Input = { role: "key" };
export const value: Input = { role: "value" };
export const perHead: Input = { role: "gate", width: "one" };
export const perKeyChannel: Input = { role: "gate", width: "key" };
export const perValueColumn: Input = { role: "gate", width: "value" };
export const parameter: Input = { role: "parameter" };
