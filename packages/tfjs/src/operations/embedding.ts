import { ShapeError, ValueError } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "../bridge/check.js";
import { elementsOf } from "../bridge/host.js";
import { kept, recorded } from "../bridge/tape.js";

/** Two ways to read rows of a table [rows, width] by their numbers, and to add the rows of a cotangent up to the table's gradient. */
interface Rows {
  read(table: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor2D;
  addUp(cotangent: tf.Tensor2D, ids: tf.Tensor1D, rows: number): tf.Tensor2D;
}

/**
 * Reads rows of a table by their numbers, with the gradient of the table. The gradient of `tf.gather` adds up segments, which the
 * WebAssembly backend of TensorFlow.js cannot do. So the host does both where it reads tensors without waiting ("cpu", "wasm"); elsewhere
 * the gradient is a product with a matrix of ones and zeros, [number of ids, rows of the table].
 * @param ids int32, of any shape, from 0 to the table's rows − 1; checked on "cpu" and "wasm", where the host can read them at once
 * @param table [rows, width]
 * @returns [… , width]
 * @throws ShapeError, DtypeError, ValueError, DisposedError
 */
export function embedding(ids: tf.Tensor, table: tf.Tensor): tf.Tensor {
  checkTensor("ids", ids, "int32");
  checkTensor("table", table);
  if (table.shape.length !== 2)
    throw new ShapeError("table", "rows × width", table.shape.join(" × ") || "none");
  const onHost = ["cpu", "wasm"].includes(tf.getBackend());
  if (onHost) checkIds(ids, table.shape[0]!);
  return embed(onHost ? hostRows : productRows, ids, table as tf.Tensor2D);
}

/** As `embedding`, of ids that fit, in one of the two ways. */
export function embed(rows: Rows, ids: tf.Tensor, table: tf.Tensor2D): tf.Tensor {
  return tf.tidy(() => {
    const read = recorded([table], () => {
      const [list] = kept([ids.reshape([ids.size])]) as [tf.Tensor1D];
      return {
        value: rows.read(table, list),
        gradients: (cotangent) => [rows.addUp(cotangent as tf.Tensor2D, list, table.shape[0])],
        dispose: () => list.dispose(),
      };
    });
    return read.reshape([...ids.shape, table.shape[1]]);
  });
}

const hostRows: Rows = {
  read: (table, ids) => {
    const [source, numbers, width] = [elementsOf(table), elementsOf(ids), table.shape[1]];
    const into = new Float32Array(numbers.length * width);
    numbers.forEach((id, i) => into.set(source.subarray(id * width, (id + 1) * width), i * width));
    return tf.tensor2d(into, [numbers.length, width]);
  },
  addUp: (cotangent, ids, rows) => {
    const [terms, numbers, width] = [elementsOf(cotangent), elementsOf(ids), cotangent.shape[1]];
    const sums = new Float64Array(rows * width);
    let at = 0;
    for (const id of numbers) for (let j = 0; j < width; j++) sums[id * width + j]! += terms[at++]!;
    return tf.tensor2d(Float32Array.from(sums), [rows, width]);
  },
};

/** The way for devices, on which the host cannot read without waiting. */
export const productRows: Rows = {
  read: (table, ids) => tf.gather(table, ids),
  addUp: (cotangent, ids, rows) =>
    tf.tidy(() => tf.matMul(tf.oneHot(ids, rows).cast("float32") as tf.Tensor2D, cotangent, true)),
};

/** @throws ValueError for a row that the table lacks */
function checkIds(ids: tf.Tensor, rows: number): void {
  const wrong = elementsOf(ids).find((id) => id < 0 || id >= rows);
  if (wrong !== undefined) throw new ValueError("ids", `integers from 0 to ${rows - 1}`, String(wrong));
}
