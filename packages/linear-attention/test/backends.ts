import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { createDeviceBackend } from "./device-backend.js";
import { typed } from "./layers.js";

/** A backend for tests that run on any. They read results by `read` alone, so that one may hide its elements. */
export interface TestBackend {
  readonly name: string;
  readonly dtypes: readonly Dtype[];
  /** How many ε, times the condition of an element, a small piece may be off in that dtype. The rounding of the result is included. */
  readonly steps: { readonly [dtype in Dtype]?: number };
  create(): Promise<Backend>;
}

// On the host f32 is computed in float64, so that little more than the rounding of the result is left.
const onHost = { dtypes: ["f32", "f64"], steps: { f32: 1.01, f64: 12 } } as const;

/** "device" hides its elements, so that only what kernels compute passes there. */
export const backends: readonly TestBackend[] = [
  { name: "js", ...onHost, create: async () => createJsBackend() as unknown as Backend },
  {
    name: "wasm",
    ...onHost,
    create: async () => (await createWasmBackend({ threads: 1 })) as unknown as Backend,
  },
  { name: "device", ...onHost, create: async () => createDeviceBackend() as unknown as Backend },
];

export const put = (backend: Backend, data: Float64Array, shape: Shape, dtype: Dtype): Tensor =>
  backend.upload({ data: typed(data, dtype), shape });

/** Reads the elements of each tensor, and disposes the tensors. */
export async function take(
  backend: Backend,
  tensors: Readonly<Record<string, Tensor | undefined>>,
): Promise<Record<string, FloatArray>> {
  const read: Record<string, FloatArray> = {};
  for (const [name, t] of Object.entries(tensors)) {
    if (t === undefined) continue;
    read[name] = await backend.read(t);
    t.dispose();
  }
  return read;
}
