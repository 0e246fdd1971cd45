import type { Backend, HostTensor } from "@dlrt/core";
import { expect } from "vitest";
import type { State } from "../src/index.js";
import type { ReferenceProblem, ReferenceResult } from "../src/reference/index.js";
import { errorOf, upload, type Arrays, type Layer, isParameter } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

/** Takes tokens of a pool by their numbers, as the inputs of one sequence after the other. A number below 0 gives NaN, for padding. */
export function gather(layer: Layer, pool: Arrays, poolSize: number, tokens: readonly number[]): Arrays {
  return Object.fromEntries(
    Object.entries(pool).map(([name, data]) => {
      if (isParameter(layer, name)) return [name, data];
      const columns = data.length / poolSize; // those of all rows of a token together
      const out = new Float64Array(tokens.length * columns);
      tokens.forEach((token, at) => {
        for (let j = 0; j < columns; j++)
          out[at * columns + j] = token < 0 ? NaN : data[token * columns + j]!;
      });
      return [name, out];
    }),
  );
}

/** What a State should know: which tokens each slot has seen that were not taken back, and how many can be taken back. */
class Model {
  readonly seen: number[][];
  readonly available: number[];

  constructor(
    readonly slots: number,
    readonly window: number,
  ) {
    this.seen = Array.from({ length: slots }, () => []);
    this.available = this.seen.map(() => 0);
  }

  step(slot: number, tokens: readonly number[]): void {
    this.seen[slot]!.push(...tokens);
    this.available[slot] = Math.min(this.window, this.available[slot]! + tokens.length);
  }

  rollback(slot: number, count: number): void {
    this.seen[slot]!.length -= count;
    this.available[slot]! -= count;
  }
}

export interface Script {
  readonly layer: Layer;
  /** The sizes of the pool, a sequence of `tokens` tokens from which steps take theirs. */
  readonly problem: ReferenceProblem;
  readonly pool: Arrays;
  readonly dtype: "f32" | "f64";
  readonly seed: number;
  /** The number of calls of the State. */
  readonly calls: number;
  /** A slot that has seen more tokens than this is reset. */
  readonly longest: number;
  /** How far outputs and states may be off, relative to the largest element. */
  readonly limit: number;
}

/**
 * Makes random calls of a State, drawn from a seed: steps of 1 to 9 tokens on some slots, as a batch, padded or packed, and rollbacks. After
 * each call, every output and every state must be that of the recurrence over the tokens that were not taken back. Half way a clone
 * goes on, and the first State is reset and disposed.
 */
export async function runScript(first: State<HostTensor>, script: Script): Promise<void> {
  const { layer, problem, pool, dtype, seed, limit } = script;
  let state = first;
  const next = randomFrom(seed);
  const below = (count: number): number => Math.floor(((next() + 1) / 2) * count) % count;
  const model = new Model(state.slots, state.window);
  const backend = state.backend;
  const known = new Map<number, ReferenceResult>(); // what is expected of slots that have not changed since
  const expected = (slot: number): ReferenceResult => {
    const tokens = model.seen[slot]!;
    const own = { ...problem, batch: 1, tokens: tokens.length };
    const result = known.get(slot) ?? layer.reference(own, gather(layer, pool, problem.tokens, tokens));
    known.set(slot, result);
    return result;
  };
  const someSlots = (): Int32Array => {
    const all = Array.from({ length: state.slots }, (_, slot) => slot);
    for (let i = all.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    const some = all.slice(0, 1 + below(state.slots));
    return Int32Array.from(below(2) === 0 ? some : some.sort((a, b) => a - b));
  };

  for (let call = 0; call < script.calls; call++) {
    if (call === script.calls >> 1) {
      state = first.clone();
      first.reset();
      first.dispose();
    }
    const slots = someSlots();
    for (const slot of slots) known.delete(slot);
    const long = slots.filter((slot) => model.seen[slot]!.length > script.longest);
    if (long.length > 0) {
      state.reset(long);
      for (const slot of long) [model.seen[slot], model.available[slot]] = [[], 0];
    }
    if (below(3) === 0) {
      const counts = slots.map((slot) => below(model.available[slot]! + 1));
      state.rollback(counts, slots);
      slots.forEach((slot, n) => model.rollback(slot, counts[n]!));
    } else {
      const lengths = slots.map(() => (below(2) === 0 ? 1 : 1 + below(9)));
      const tokens = Array.from(lengths, (length) => Array.from({ length }, () => below(problem.tokens)));
      const outputs = await stepOf(state, backend, script, slots, tokens, below(3));
      slots.forEach((slot, n) => {
        model.step(slot, tokens[n]!);
        const whole = expected(slot).output;
        const own = outputs[n]!;
        expect(
          errorOf(own, whole.slice(whole.length - own.length)),
          `output, call ${call}`,
        ).toBeLessThanOrEqual(limit);
      });
    }
    const states = await state.read();
    const size = states.length / state.slots;
    model.seen.forEach((_, slot) => {
      const own = states.slice(slot * size, (slot + 1) * size);
      expect(errorOf(own, expected(slot).finalState), `slot ${slot}, call ${call}`).toBeLessThanOrEqual(
        limit,
      );
    });
  }
  expect(dtype).toBe(state.dtype);
  state.dispose();
}

/** Makes one step, and returns its outputs sequence by sequence. @param way is 0 for padding on the left, 1 on the right, 2 for packed */
async function stepOf(
  state: State<HostTensor>,
  backend: Backend<HostTensor>,
  { layer, problem, pool, dtype }: Script,
  slots: Int32Array,
  tokens: readonly (readonly number[])[],
  way: number,
): Promise<Float64Array[]> {
  const most = Math.max(...tokens.map(({ length }) => length));
  const even = tokens.every(({ length }) => length === most);
  const side = way === 0 ? "left" : "right";
  const packed = way === 2;
  const lengths = Int32Array.from(tokens, ({ length }) => length);
  const rows = tokens.flatMap((own) => {
    const padding = Array.from({ length: packed ? 0 : most - own.length }, () => -1);
    return side === "left" ? [...padding, ...own] : [...own, ...padding];
  });
  const batch = packed ? 1 : slots.length;
  const size = { ...problem, batch, tokens: rows.length / batch };
  const inputs = upload(backend, layer, size, gather(layer, pool, problem.tokens, rows), dtype);
  const bounds = Int32Array.from([0, ...lengths]);
  for (let n = 1; n < bounds.length; n++) bounds[n]! += bounds[n - 1]!;
  const output = state.step(layer.forward, inputs, {
    heads: problem.heads,
    scale: problem.scale,
    normalizeKeys: problem.normalizeKeys,
    slots,
    ...(packed ? { sequences: bounds } : even ? {} : { padding: { side, lengths } }),
  });
  const all = Float64Array.from(await backend.read(output));
  const columns = output.shape[2];
  for (const t of [output, ...Object.values(inputs)]) t.dispose();
  return tokens.map((own, n) => {
    const start = packed ? bounds[n]! : n * most + (side === "left" && !even ? most - own.length : 0);
    return all.slice(start * columns, (start + own.length) * columns);
  });
}
