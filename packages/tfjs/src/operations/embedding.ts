import { ShapeError, ValueError } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "../bridge/check.js";
import { firstOnly } from "../bridge/differentiable.js";
import { elementsOf } from "../bridge/host.js";

/**
 * Rows of a table by their numbers, with the gradient of the table as a product with a matrix of ones and zeros: `tf.gather` has a gradient
 * only where the backend can add up segments, which WebAssembly's cannot. The gradient takes memory and time in proportion to table
 * rows × ids.
 * @param ids int32, of any shape, from 0 to the table's rows − 1; looked at where TensorFlow.js runs on "cpu" or "wasm"
 * @param table [rows, width]
 * @returns [… , width]
 * @throws ShapeError, DtypeError, ValueError, DisposedError
 */
export function embedding(ids: tf.Tensor, table: tf.Tensor): tf.Tensor {
  checkTensor("ids", ids, "int32");
  checkTensor("table", table);
  if (table.shape.length !== 2)
    throw new ShapeError("table", "rows × width", table.shape.join(" × ") || "none");
  const [rows, width] = table.shape as [number, number];
  checkIds(ids, rows);
  const shape = [...ids.shape, width];
  const gathered = tf.customGrad((...args: unknown[]) => {
    const [of, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const list = ids.reshape([ids.size]) as tf.Tensor1D;
    save([of, list]);
    return {
      value: tf.gather(of, list) as tf.Tensor,
      gradFunc: (cotangent: tf.Tensor, saved: tf.Tensor[]) => {
        const marked = tf.equal(tf.range(0, rows, 1, "int32").expandDims(1), saved[1]!.expandDims(0));
        const product = tf.matMul(marked.cast("float32"), cotangent as tf.Tensor2D);
        return firstOnly([cotangent, saved[0]!], [product]);
      },
    };
  });
  return tf.tidy(() => gathered(table).reshape(shape));
}

/** @throws ValueError for a row that the table lacks, where the host reads tensors without waiting */
function checkIds(ids: tf.Tensor, rows: number): void {
  if (!["cpu", "wasm"].includes(tf.getBackend())) return;
  const wrong = elementsOf(ids).find((id) => id < 0 || id >= rows);
  if (wrong !== undefined) throw new ValueError("ids", `integers from 0 to ${rows - 1}`, String(wrong));
}
