import { ShapeError } from "@dlrt/core";
import { checkFlag, checkOptions } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "../bridge/check.js";
import { wasmHeap } from "../bridge/host.js";
import { kept, recorded } from "../bridge/tape.js";

export interface LinearOptions {
  /** [out], added to every row. Default: none. */
  readonly bias?: tf.Tensor | undefined;
  /** The weight is [out, in], as PyTorch and its checkpoints have it. Default false: [in, out]. */
  readonly transposeWeight?: boolean | undefined;
}

/**
 * Computes x W + bias over the last axis of x, with its gradients. On WebAssembly, TensorFlow.js multiplies transposed or batched operands
 * ten times slower than plain matrices, so there this transposes first and multiplies plain matrices alone, forward and back.
 * @param x [… , in]
 * @param weight [in, out], or [out, in] with `transposeWeight`
 * @returns [… , out]
 * @throws ShapeError, DtypeError, ValueError, DisposedError
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, options: LinearOptions = {}): tf.Tensor {
  checkOptions("options", options, ["bias", "transposeWeight"]);
  const { bias, transposeWeight: turned = false } = options;
  checkFlag("transposeWeight", options.transposeWeight);
  const [rows, cols] = checkLinear(x, weight, bias, turned);
  return tf.tidy(() => {
    const matrix = x.reshape([rows, x.shape.at(-1)!]) as tf.Tensor2D;
    const flat = product(matrix, weight as tf.Tensor2D, turned);
    const shape = [...x.shape.slice(0, -1), cols];
    return (bias ? flat.add(bias) : flat).reshape(shape);
  });
}

/** Computes x W or x Wᵀ, with the gradients of both factors. */
function product(x: tf.Tensor2D, weight: tf.Tensor2D, turned: boolean): tf.Tensor {
  return recorded([x, weight], () => {
    const [a, w] = kept([x, weight]) as [tf.Tensor2D, tf.Tensor2D];
    return {
      value: matMul(a, w, false, turned),
      gradients: (cotangent) => {
        const y = cotangent as tf.Tensor2D;
        const toWeight = turned ? matMul(y, a, true, false) : matMul(a, y, true, false);
        return [matMul(y, w, false, !turned), toWeight];
      },
      dispose: () => tf.dispose([a, w]),
    };
  });
}

/** Multiplies two matrices. Where TensorFlow.js runs on WebAssembly, they are transposed beforehand. */
function matMul(a: tf.Tensor2D, b: tf.Tensor2D, turnA: boolean, turnB: boolean): tf.Tensor2D {
  if (!wasmHeap()) return tf.matMul(a, b, turnA, turnB);
  return tf.tidy(() => tf.matMul(turnA ? a.transpose() : a, turnB ? b.transpose() : b));
}

/**
 * Checks the arguments of `linear`.
 * @returns the rows of x as a matrix, and the columns of the result
 * @throws ShapeError, DtypeError, ValueError, DisposedError
 */
function checkLinear(
  x: tf.Tensor,
  weight: tf.Tensor,
  bias: tf.Tensor | undefined,
  turned: boolean,
): [rows: number, cols: number] {
  checkTensor("x", x);
  checkTensor("weight", weight);
  const inside = x.shape.at(-1);
  if (inside === undefined) throw new ShapeError("x", "an axis or more", "none");
  const [first, second] = weight.shape;
  const [width, cols] = turned ? [second, first] : [first, second];
  if (weight.shape.length !== 2 || width !== inside) {
    const expected = turned ? `out × ${inside}` : `${inside} × out`;
    throw new ShapeError("weight", expected, weight.shape.join(" × ") || "none");
  }
  if (bias !== undefined) {
    checkTensor("bias", bias);
    if (bias.shape.length !== 1 || bias.shape[0] !== cols)
      throw new ShapeError("bias", String(cols), bias.shape.join(" × ") || "none");
  }
  return [x.shape.slice(0, -1).reduce((count, size) => count * size, 1), cols!];
}
