import { DisposedError, DtypeError, ShapeError, ValueError, type Shape } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import type { Given } from "./bridge.js";

/** Parameters of a model, which checkpoints keep with one axis: [D] is taken as [1, 1, D]. */
const parameters: readonly string[] = ["bias", "weight", "aLog", "dtBias"];

/**
 * The inputs that are there, with their three axes.
 * @throws ValueError, DtypeError, DisposedError, ShapeError, with the argument's name
 */
export function checkInputs(argument: string, inputs: unknown): Record<string, Given> {
  if (typeof inputs !== "object" || inputs === null)
    throw new ValueError(argument, "an object with a tensor for every name", describe(inputs));
  const given: Record<string, Given> = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    if (tensor !== undefined) given[name] = checkInput(name, tensor);
  }
  return given;
}

/** @throws ValueError, DtypeError, DisposedError, ShapeError */
export function checkInput(name: string, tensor: unknown): Given {
  checkTensor(name, tensor);
  const { shape } = tensor;
  if (shape.length === 3) return { tensor, shape: shape as unknown as Shape };
  if (shape.length === 1 && parameters.includes(name)) return { tensor, shape: [1, 1, shape[0]!] };
  throw new ShapeError(
    name,
    parameters.includes(name) ? "three axes, or one" : "three axes",
    shape.join(" × ") || "none",
  );
}

/** @throws ValueError, DisposedError, DtypeError */
export function checkTensor(
  name: string,
  tensor: unknown,
  dtype: "float32" | "int32" = "float32",
): asserts tensor is tf.Tensor {
  if (!(tensor instanceof tf.Tensor))
    throw new ValueError(name, "a tensor of TensorFlow.js", describe(tensor));
  if (tensor.isDisposed) throw new DisposedError(name);
  if (tensor.dtype !== dtype) throw new DtypeError(name, dtype, tensor.dtype);
}
