// A character model: blocks of a Gated DeltaNet and a SwiGLU, as flash-linear-attention builds them.
import { State } from "@dlrt/linear-attention";
import { linear, Weight } from "./linear.mjs";
import {
  betaGate,
  causalConv,
  columns,
  crossEntropy,
  deltaRule,
  embed,
  gatedRmsNorm,
  gdnGate,
  swiGlu,
} from "./operations.mjs";
import { plan } from "./parameters.mjs";
import { Tape, Value } from "./tape.mjs";

const PROJECTED = /(^|\.)(in|out|up|down|head)$/;

/** The model with its parameters on a backend whose tensors the host can reach. */
export class Model {
  #values = new Map();

  /** @param sizes { size, width, heads, blocks, hidden, taps, gate }, `size` that of the alphabet */
  constructor(backend, sizes, { dtype = "f32" } = {}) {
    this.backend = backend;
    this.sizes = sizes;
    this.dtype = dtype;
    this.tensors = plan(sizes);
  }

  /** Takes the parameters from the one array, in the order of the plan. */
  load(array) {
    this.dispose();
    let at = 0;
    for (const { tensor: name, shape } of this.tensors) {
      const tensor = this.backend.empty(shape, this.dtype);
      tensor.data.set(array.subarray(at, at + tensor.data.length));
      at += tensor.data.length;
      this.#values.set(name, PROJECTED.test(name) ? new Weight(this.backend, tensor) : new Value(tensor));
    }
  }

  /** Writes the gradients of the last pass in the same order. */
  #gradients(into) {
    let at = 0;
    for (const { tensor: name } of this.tensors) {
      const value = this.#values.get(name);
      into.set(value.bar.data, at);
      at += value.bar.data.length;
      value.bar = undefined;
    }
  }

  /**
   * The mean of the nats that the targets take, and its gradient.
   * @param {Uint8Array} numbers [B·T] @param {Uint8Array} targets [B·T] @param gradients an array that they are written to
   */
  lossAndGradients(numbers, targets, [B, T], gradients) {
    const tape = new Tape(this.backend, { dtype: this.dtype });
    try {
      const nats = crossEntropy(tape, this.#forward(tape, numbers, [B, T]), targets);
      tape.backward();
      this.#gradients(gradients);
      return nats.reduce((sum, x) => sum + x, 0) / nats.length;
    } finally {
      tape.dispose();
    }
  }

  /**
   * Nats of every target, without a way back.
   * @param memory what `remember` gave, which then goes on by these tokens; absent: nothing came before
   */
  loss(numbers, targets, [B, T], memory) {
    const tape = new Tape(this.backend, { dtype: this.dtype, gradients: false });
    try {
      return crossEntropy(tape, this.#forward(tape, numbers, [B, T], memory), targets);
    } finally {
      tape.dispose();
    }
  }

  /** Logits of what comes after each token, [B·T·size]. */
  logits(numbers, [B, T], memory) {
    const tape = new Tape(this.backend, { dtype: this.dtype, gradients: false });
    try {
      return this.#forward(tape, numbers, [B, T], memory).tensor.data.slice();
    } finally {
      tape.dispose();
    }
  }

  /** What the tokens of B sequences leave for those after them: of each block the last inputs of the convolution, and a `State`. */
  remember(B) {
    const { width, heads, taps, blocks } = this.sizes;
    const [keyWidth, dtype] = [width / heads, this.dtype];
    const memory = Array.from({ length: blocks }, () => ({
      conv: this.backend.upload({
        data: new (dtype === "f32" ? Float32Array : Float64Array)(B * (taps - 1) * 3 * width),
        shape: [B, taps - 1, 3 * width],
      }),
      state: new State(this.backend, { slots: B, heads, keyWidth, valueWidth: keyWidth, dtype }),
    }));
    const all = memory.flatMap((of) => Object.values(of));
    return Object.assign(memory, { dispose: () => all.forEach((one) => one.dispose()) });
  }

  #forward(tape, numbers, shape, memory = []) {
    const of = (name) => this.#values.get(name);
    let x = embed(tape, of("embeddings"), numbers, shape);
    for (let i = 0; i < this.sizes.blocks; i++) {
      x = this.#mix(tape, x, (name) => of(`${i}.${name}`), memory[i]);
      const normed = gatedRmsNorm(tape, { x, weight: of(`${i}.mlpNorm`) });
      x = linear(tape, swiGlu(tape, linear(tape, normed, of(`${i}.up`))), of(`${i}.down`), x);
    }
    return linear(tape, gatedRmsNorm(tape, { x, weight: of("norm") }), of("head"));
  }

  /** x + what the Gated DeltaNet makes of it. */
  #mix(tape, x, of, memory) {
    const { width, heads, gate } = this.sizes;
    const projected = linear(tape, gatedRmsNorm(tape, { x, weight: of("norm") }), of("in"));
    const part = (from, first, count) => columns(tape, from, first, count);
    const mixed = causalConv(tape, { x: part(projected, 0, 3 * width), weight: of("conv") }, memory?.conv);
    const [query, key, value] = [0, 1, 2].map((i) => part(mixed, i * width, width));
    const beta = betaGate(tape, { b: part(projected, 4 * width, heads) });
    const gates = gate && {
      decay: gdnGate(tape, {
        a: part(projected, 4 * width + heads, heads),
        aLog: of("A_log"),
        dtBias: of("dt_bias"),
      }),
    };
    const output = deltaRule(tape, { query, key, value, beta, ...gates }, heads, memory?.state);
    const z = part(projected, 3 * width, width);
    const normed = gatedRmsNorm(tape, { x: output, gate: z, weight: of("headNorm") }, { heads });
    return linear(tape, normed, of("out"), x);
  }

  dispose() {
    for (const { tensor, transposed } of this.#values.values()) {
      tensor.dispose();
      transposed?.dispose();
    }
    this.#values.clear();
  }
}
