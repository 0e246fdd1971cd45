import { ShapeError, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkIsBackend } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "../bridge/check.js";
import { gatedDeltaRule } from "../operations/layers.js";
import { linear } from "../operations/linear.js";
import { betaGate, causalConv, gatedRmsNorm, gdnGate } from "../operations/pieces.js";
import { settingsOf, sizesOf, type GatedDeltaNetConfig, type Settings, type Sizes } from "./config.js";
import { weightsOf } from "./weights.js";

type Variable = ReturnType<tf.layers.Layer["addWeight"]>;

/**
 * The token mixer of Gated DeltaNet as a layer of TensorFlow.js, [B, T, hidden] to the same shape: projections, causal convolutions,
 * `gatedDeltaRule` on normalised query and key, a gated norm, and the output's projection. Its weights have the names and shapes of
 * `GatedDeltaNet` in flash-linear-attention. Made by `gatedDeltaNet(backend)`.
 */
export abstract class GatedDeltaNet extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className = "GatedDeltaNet";
  readonly #backend: Backend;
  readonly #settings: Settings;
  readonly #weights = new Map<string, Variable>();
  #sizes: Sizes | undefined;

  /** @throws ValueError */
  constructor(backend: Backend, config: GatedDeltaNetConfig = {}) {
    const settings = settingsOf(config);
    super(config as never);
    this.#backend = backend;
    this.#settings = settings;
  }

  /** @throws ShapeError */
  override build(inputShape: tf.Shape | tf.Shape[]): void {
    this.#sizes = sizesOf(this.#settings, inputShape);
    const { seed } = this.#settings;
    Object.entries(weightsOf(this.#sizes)).forEach(([name, { shape, first }], i) => {
      const initializer = { apply: (of: number[]) => first(of, seed === undefined ? undefined : seed + i) };
      this.#weights.set(name, this.addWeight(name, shape, "float32", initializer as never));
    });
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.tidy(() => {
      const { numHeads, numVHeads, headDim, normEps, useGate, allowNegEigval } = this.#sizes!;
      const backend = this.#backend;
      const project = (name: string): tf.Tensor =>
        linear(x, this.#weight(`${name}.weight`), { transposeWeight: true });
      const [query, key, value] = this.#queryKeyValue(x) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const gate = { a: project("a_proj"), aLog: this.#weight("A_log"), dtBias: this.#weight("dt_bias") };
      const decay = gdnGate(backend, gate);
      const beta = betaGate(backend, { b: project("b_proj") }, { scale: allowNegEigval ? 2 : 1 });
      const { output } = gatedDeltaRule(
        backend,
        { query, key, value, beta, decay },
        { heads: { query: numHeads, value: numVHeads }, scale: 1 / Math.sqrt(headDim), normalizeKeys: true },
      );
      const normed = gatedRmsNorm(
        backend,
        { x: output, weight: this.#weight("o_norm.weight"), ...(useGate && { gate: project("g_proj") }) },
        { heads: numVHeads, eps: normEps },
      );
      return linear(normed, this.#weight("o_proj.weight"), { transposeWeight: true });
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { seed, ...settings } = this.#settings;
    return { ...super.getConfig(), ...settings, ...(seed !== undefined && { seed }) };
  }

  /**
   * Returns the weights by the names that they have in a checkpoint. They are the layer's own, so the caller does not dispose them.
   * @throws ValueError before the layer is built
   */
  checkpoint(): Record<string, tf.Tensor> {
    this.#assertBuilt();
    return Object.fromEntries([...this.#weights].map(([name, variable]) => [name, variable.read()]));
  }

  /**
   * Copies the weights of a checkpoint into the layer.
   * @param tensors hold every weight of the layer by its name; others are left aside
   * @param prefix stands before every name in the checkpoint, such as "model.layers.0.attn."
   * @throws ValueError, ShapeError, DtypeError, DisposedError, before any weight is changed
   */
  loadCheckpoint(tensors: Readonly<Record<string, tf.Tensor>>, prefix = ""): void {
    this.#assertBuilt();
    const list = [...this.#weights].map(([name, variable]) => {
      const tensor = tensors[prefix + name];
      checkTensor(prefix + name, tensor);
      if (tensor.shape.join() !== variable.shape.join())
        throw new ShapeError(prefix + name, variable.shape.join(" × "), tensor.shape.join(" × "));
      return [variable, tensor] as const;
    });
    for (const [variable, tensor] of list) variable.write(tensor);
  }

  #assertBuilt(): void {
    if (this.#sizes === undefined)
      throw new ValueError("layer", "a layer that was built or called", "one that was not");
  }

  #weight(name: string): tf.Tensor {
    return this.#weights.get(name)!.read();
  }

  /** Returns query, key and value after their projection, convolution and SiLU: one product and one convolution for all three. */
  #queryKeyValue(x: tf.Tensor): tf.Tensor[] {
    const { keyDim, valueDim, useShortConv, convBias } = this.#sizes!;
    const side = (suffix: string): tf.Tensor =>
      tf.concat(
        ["q", "k", "v"].map((name) => this.#weight(`${name}_${suffix}`)),
        0,
      );
    const projected = linear(x, side("proj.weight"), { transposeWeight: true });
    const widths = [keyDim, keyDim, valueDim];
    if (!useShortConv) return tf.split(projected.mul(projected.sigmoid()), widths, 2);
    const inputs = {
      x: projected,
      weight: side("conv1d.weight"),
      ...(convBias && { bias: side("conv1d.bias") }),
    };
    return tf.split(causalConv(this.#backend, inputs, { activation: "silu" }).output as tf.Tensor, widths, 2);
  }
}

/** The class `GatedDeltaNet` on some backend. */
export type GatedDeltaNetClass = new (config?: GatedDeltaNetConfig) => GatedDeltaNet;

/**
 * Returns the class `GatedDeltaNet` on a backend, and registers it with TensorFlow.js under that name: a model that was saved with such a
 * layer is loaded with one on the backend of the last call.
 * @throws ValueError where `backend` is no backend
 */
export function gatedDeltaNet<T extends Tensor>(backend: Backend<T>): GatedDeltaNetClass {
  checkIsBackend(backend);
  class Bound extends GatedDeltaNet {
    constructor(config?: GatedDeltaNetConfig) {
      super(backend as never, config);
    }
  }
  tf.serialization.registerClass(Bound as never);
  return Bound;
}
