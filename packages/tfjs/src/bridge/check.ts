import { DisposedError, DtypeError, ShapeError, ValueError, type Shape } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import type { Given } from "./bridge.js";

/** The inputs that are parameters of a model. Checkpoints keep them with one axis, so [D] is taken as [1, 1, D]. */
const parameters: readonly string[] = ["bias", "weight", "aLog", "dtBias"];

/**
 * Returns those inputs that are given, each with its three axes.
 * @param argument is the name by which an error calls the whole object
 * @throws ValueError, DtypeError, DisposedError, ShapeError, which name the input at fault
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

/**
 * Returns one input with its three axes.
 * @throws ValueError where it is no tensor, DtypeError where it is not float32, DisposedError, ShapeError where it has other axes
 */
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

/** @throws ValueError where it is no tensor, DisposedError, DtypeError where it is of another dtype */
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
