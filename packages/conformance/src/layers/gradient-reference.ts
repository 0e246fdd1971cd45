/** The gradient of every layer in float64, token by token and head by head, from the layer's definition. */
import type { Arrays, Kind } from "./definition.js";
import type { LayerCotangents, LayerData } from "./data.js";
import { headsOf, outHeads, rowsOf, stateHeads, widthOf, type LayerProblem } from "./problem.js";
import { NONE, Tape, vector, type Vector } from "./tape.js";

export interface ReferenceGradients {
  /** By the names of the inputs, and "initialState" where there was one. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
  /** The layer's results, which the forward pass computes too. */
  readonly output: Float64Array;
  readonly finalState: Float64Array;
}

/** One token as one head of the state sees it. */
interface Token {
  readonly tape: Tape;
  readonly head: number;
  /** Returns an input's columns for this head, for the token's row `step` where it has several. */
  of(name: string, step?: number): Vector;
  /** Returns the same of a key, normalised where the problem asks for it. */
  key(name: string, step?: number): Vector;
  readonly has: (name: string) => boolean;
}

/** Computes w = β (v − Sᵀ k) from the state as it is now. */
function correction({ tape, of }: Token, k: Vector, step?: number): Vector {
  return tape.times(tape.plus(of("value", step), tape.read(k), -1), of("beta", step));
}

const gated = (token: Token): void => {
  token.tape.decay(token.of("decay"));
  token.tape.add(token.key("key"), token.of("value"));
};

const delta = (token: Token, step?: number): void => {
  const k = token.key("key", step);
  token.tape.add(k, correction(token, k, step));
};

const gatedDelta = (token: Token): void => {
  token.tape.decay(token.of("decay"));
  delta(token);
};

const lowRank = ({ tape, of, key }: Token, g: string, k: string, v: string): void => {
  const old = tape.read(of("a"));
  tape.decay(of(g));
  tape.add(of("b"), old);
  tape.add(key(k), of(v));
};

/** What a token does to the state, as the layer's docstring defines it. */
const definitions: Readonly<Record<string, (token: Token, steps: number) => void>> = {
  linearAttention: ({ tape, of, key }) => tape.add(key("key"), of("value")),
  simpleGla: gated,
  gla: gated,
  retention: ({ tape, of, key, head }) => {
    tape.decay(vector(Float64Array.of(Math.log1p(-(2 ** (-5 - head))))));
    tape.add(key("key"), of("value"));
  },
  ssd: ({ tape, of, key }) => {
    const dt = of("dt");
    tape.decay(tape.times(dt, of("A")));
    tape.add(key("B"), tape.times(of("x"), dt));
  },
  deltaRule: (token) => delta(token),
  gatedDeltaRule: gatedDelta,
  kimiDeltaAttention: gatedDelta,
  gatedDeltaRule2: ({ tape, of, key }) => {
    const k = key("key");
    tape.decay(of("decay"));
    const old = tape.read(tape.times(k, of("erase")));
    tape.add(k, tape.plus(tape.times(of("value"), of("write")), old, -1));
  },
  gatedDeltaProduct: (token, steps) => {
    if (token.has("decay")) token.tape.decay(token.of("decay"));
    for (let step = 0; step < steps; step++) delta(token, step);
  },
  comba: (token) => {
    const w = correction(token, token.key("erase"));
    token.tape.decay(token.of("decay"));
    token.tape.add(token.key("key"), w);
  },
  dplr: (token) => lowRank(token, "decay", "key", "value"),
  rwkv7: (token) => lowRank(token, "w", "k", "v"),
};

/** Gives views of an input's numbers and of its gradient, for a token and a head. */
class Picker {
  readonly gradients: Record<string, Float64Array> = {};

  constructor(
    readonly problem: LayerProblem,
    readonly inputs: Arrays,
    readonly recorded: boolean,
  ) {
    if (!recorded) return;
    for (const [name, array] of Object.entries(inputs)) this.gradients[name] = new Float64Array(array.length);
  }

  /** Returns the name of the input of this kind. */
  named(kind: Kind): string | undefined {
    const { inputs } = this.problem.layer;
    return Object.keys(inputs).find((name) => inputs[name] === kind);
  }

  /**
   * Returns the columns of head `head`, of `of` heads, for token t, which is counted through the batch. Where fewer
   * heads are stored, it is head ⌊head / (of / stored)⌋.
   */
  pick(name: string, t: number, [head, of]: readonly [number, number], step = 0): Vector {
    const { problem } = this;
    const kind = problem.layer.inputs[name]!;
    const [width, stored] = [widthOf(problem, kind), headsOf(problem, kind)];
    const perToken = problem.tokens === 0 ? 0 : rowsOf(problem, kind) / problem.tokens;
    const row = kind === "A" || kind === "D" ? 0 : t * perToken + step;
    const start = (row * stored + Math.floor(head / (of / stored))) * width;
    const part = (array: Float64Array): Float64Array => array.subarray(start, start + width);
    return { value: part(this.inputs[name]!), gradient: this.recorded ? part(this.gradients[name]!) : NONE };
  }
}

/**
 * Computes the gradients of ⟨output, its cotangent⟩ + ⟨final state, its cotangent⟩.
 *
 * @param cotangents Absent: only the results are computed, and no gradients
 * @param noise as `TapeOptions` has it
 */
export function referenceGradients(
  problem: LayerProblem,
  { inputs, initialState }: LayerData,
  cotangents: LayerCotangents | undefined,
  noise?: () => number,
): ReferenceGradients {
  const { batch, tokens, keyWidth, valueWidth, layer, eps } = problem;
  const bounds = problem.sequences ?? Array.from({ length: batch + 1 }, (_, b) => b * tokens);
  const heads = stateHeads(problem);
  const size = keyWidth * valueWidth;
  const picker = new Picker(problem, inputs, cotangents !== undefined);
  const finalState = initialState?.slice() ?? new Float64Array((bounds.length - 1) * heads * size);
  const stateGradient = cotangents?.finalState.slice() ?? new Float64Array(0);
  const output = new Float64Array(batch * tokens * outHeads(problem) * valueWidth);
  const options = { noise, recorded: cotangents !== undefined };
  const define = definitions[layer.name.split(",")[0]!]!;
  for (let n = 0; n + 1 < bounds.length; n++) {
    for (let head = 0; head < heads; head++) {
      const start = (n * heads + head) * size;
      const tape = new Tape(finalState.subarray(start, start + size), keyWidth, valueWidth, options);
      for (let t = bounds[n]!; t < bounds[n + 1]!; t++) {
        const of = (name: string, step?: number): Vector => picker.pick(name, t, [head, heads], step);
        const key = (name: string, step?: number): Vector =>
          eps === undefined ? of(name, step) : tape.normalized(of(name, step), eps);
        define({ tape, head, of, key, has: (name) => name in inputs }, layer.steps);
        readToken(picker, tape, [t, head], output, cotangents?.output);
      }
      if (cotangents) tape.backward(stateGradient.subarray(start, start + size));
    }
  }
  const gradients = { ...picker.gradients, ...(initialState && { initialState: stateGradient }) };
  return { gradients, output, finalState };
}

/** Computes o = scale · Sᵀ q for the queries of a head, and adds D x where the layer has it. Their cotangents start the backward pass. */
function readToken(
  picker: Picker,
  tape: Tape,
  [t, head]: readonly [number, number],
  output: Float64Array,
  cotangent: Float64Array | undefined,
): void {
  const { problem } = picker;
  const { layer, keyWidth, valueWidth, eps } = problem;
  const [heads, outs] = [stateHeads(problem), outHeads(problem)];
  const scale = problem.scale ?? layer.scale ?? 1 / Math.sqrt(keyWidth || 1);
  const [query, skip] = [picker.named("query")!, picker.named("D")];
  for (let h = (head * outs) / heads; h < ((head + 1) * outs) / heads; h++) {
    const q = picker.pick(query, t, [h, outs]);
    const read = tape.read(eps === undefined ? q : tape.normalized(q, eps));
    const scaled = tape.scaled(read, scale);
    const x = (name: string): Vector => picker.pick(name, t, [h, outs]);
    const o = skip === undefined ? scaled : tape.plus(scaled, tape.times(x(picker.named("value")!), x(skip)));
    const start = (t * outs + h) * valueWidth;
    output.set(o.value, start);
    if (cotangent) o.gradient.set(cotangent.subarray(start, start + valueWidth));
  }
}
