/// <reference lib="esnext.disposable" preserve="true" />
/** Element type. ε is 2⁻²⁴ for "f32" and 2⁻⁵³ for "f64". */
export type Dtype = "f32" | "f64";

/** Every tensor has three axes; row-major, contiguous. */
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

/** A contiguous row-major array on a backend, owned by it until disposed. */
export interface Tensor extends Disposable {
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** The backend that made it; an operation refuses tensors of another. Compared by identity. */
  readonly backend: object;
  readonly disposed: boolean;
  /** What holds the elements (an ArrayBuffer, a WebAssembly.Memory, a GPUBuffer) and where: aliases are found by it. */
  readonly storage: object;
  readonly byteOffset: number;
  /** Idempotent. */
  dispose(): void;
}

/** A tensor whose elements the host can read and write without waiting. */
export interface HostTensor extends Tensor {
  /** Take it afresh after every call: WebAssembly memory moves when it grows. */
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
