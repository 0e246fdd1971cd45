/// <reference lib="esnext.disposable" preserve="true" />

/** Element type. ε is 2⁻²⁴ for "f32" and 2⁻⁵³ for "f64". */
export type Dtype = "f32" | "f64";

/** Every tensor has three axes. */
export type Shape = readonly [batch: number, rows: number, cols: number];

export type FloatArray = Float32Array | Float64Array;

/** A host array as a strided view: element (b, i, j) is `data[offset + b·s₀ + i·s₁ + j·s₂]`. */
export interface HostView {
  readonly data: FloatArray;
  readonly shape: Shape;
  /** In elements; may be negative (reversed) or zero (broadcast). Default: contiguous row-major. */
  readonly strides?: readonly [batch: number, row: number, col: number] | undefined;
  /** In elements. Default 0. */
  readonly offset?: number | undefined;
}

/**
 * Where the rows of a tensor [batch, rows, cols] lie in its storage, in elements; columns are adjacent. A batch entry
 * is one head of one sequence: entry e is head e mod `heads` of sequence ⌊e / heads⌋, and its row i starts at
 *
 *     offset + ⌊e / heads⌋·batch + ⌊(e mod heads) / shared⌋·head + i·row
 *
 * so that a layer's array [B, T, H·D] is B·H entries of [T, D] as it lies. Strides may be negative (rows visited from
 * the last) or, where a tensor is only read, 0.
 */
export interface Layout {
  /** Element of row 0 of entry 0. In a tensor it counts from `byteOffset`, in a call of `view` from the viewed tensor's first element. */
  readonly offset: number;
  /** Entries of one sequence, ≥ 1; divides the batch. */
  readonly heads: number;
  /** Neighbouring heads that read the same rows, ≥ 1; divides `heads`. Where it is above 1 the tensor is only read. */
  readonly shared: number;
  /** From one sequence to the next. */
  readonly batch: number;
  /** From one stored head to the next. */
  readonly head: number;
  /** From one row to the next. */
  readonly row: number;
}

/**
 * An array on a backend: elements of its own until it is disposed, or a view of another tensor's, which shares them and
 * is disposed with it.
 */
export interface Tensor extends Disposable {
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** Where its rows lie. */
  readonly layout: Layout;
  /** The backend that made it; an operation refuses tensors of another. Compared by identity. */
  readonly backend: object;
  readonly disposed: boolean;
  /** What holds the elements (an ArrayBuffer, a WebAssembly.Memory, a GPUBuffer): aliases are found by it. */
  readonly storage: object;
  /** Bytes from the start of `storage` to the element that `layout.offset` counts from. */
  readonly byteOffset: number;
  /** Idempotent. */
  dispose(): void;
}

/** A tensor whose elements the host can read and write without waiting. */
export interface HostTensor extends Tensor {
  /**
   * Row i of batch entry e starts at the index that `layout` gives; a view has the data of the tensor it views. Take it
   * afresh after every call: WebAssembly memory moves when it grows.
   */
  readonly data: FloatArray;
}

export const bytesPerElement: Readonly<Record<Dtype, number>> = { f32: 4, f64: 8 };

/** Unit roundoff ε. */
export const unitRoundoff: Readonly<Record<Dtype, number>> = { f32: 2 ** -24, f64: 2 ** -53 };

export function elementCount(shape: Shape): number {
  return shape[0] * shape[1] * shape[2];
}

export function byteSize(shape: Shape, dtype: Dtype): number {
  return elementCount(shape) * bytesPerElement[dtype];
}

export function newFloatArray(dtype: Dtype, length: number): FloatArray {
  return dtype === "f32" ? new Float32Array(length) : new Float64Array(length);
}
