import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import type { Backend, HostTensor, Shape } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { expect } from "vitest";
import { randomFrom } from "../../../tooling/random.mjs";

export type Numbers = Readonly<Record<string, { readonly data: Float32Array; readonly shape: Shape }>>;

/** The pairs under test: a backend of TensorFlow.js, and one of ours over it. */
export const pairs = [
  ["cpu", "js"],
  ["cpu", "wasm"],
  ["wasm", "js"],
  ["wasm", "wasm"],
] as const;

export async function createBackend(name: "js" | "wasm"): Promise<Backend<HostTensor>> {
  return name === "js" ? createJsBackend() : createWasmBackend({ threads: 1 });
}

/** Puts TensorFlow.js on WebAssembly, and makes a backend of ours there. */
export async function startWasm(): Promise<Backend<HostTensor>> {
  await tf.setBackend("wasm");
  return createBackend("wasm");
}

export function numbers(seed: number, shape: Shape, f: (x: number) => number = (x) => x): Numbers[string] {
  const random = randomFrom(seed);
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => f(random()));
  return { data, shape };
}

export function toTf(all: Numbers): Record<string, tf.Tensor> {
  return mapped(all, ({ data, shape }) => tf.tensor(data.slice(), [...shape]));
}

export function upload(
  backend: Backend<HostTensor>,
  all: Numbers,
  dtype: "f32" | "f64",
): Record<string, HostTensor> {
  return mapped(all, ({ data, shape }) =>
    backend.upload({ data: dtype === "f32" ? data : Float64Array.from(data), shape }),
  );
}

export function mapped<V, R>(
  record: Readonly<Record<string, V>>,
  f: (value: V, name: string) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

export const largest = (data: ArrayLike<number>): number =>
  Array.from(data).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Returns the largest difference, relative to the largest of the expected numbers. */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  const size = largest(expected) || 1;
  return largest(Array.from(expected, (x, i) => x - got[i]!)) / size;
}

/**
 * Compares a gradient along a direction with the central difference of `at`. `size` is the sum of the magnitudes of the gradient's terms, and
 * `error` is how far apart the two are, relative to that.
 */
export function alongDirection(
  gradient: ArrayLike<number>,
  direction: Float64Array,
  at: (step: number) => number,
  h: number,
): { readonly size: number; readonly error: number } {
  const terms = direction.map((x, i) => x * gradient[i]!);
  const size = terms.reduce((sum, x) => sum + Math.abs(x), 0);
  const slope = terms.reduce((sum, x) => sum + x, 0);
  return { size, error: Math.abs(slope - (at(h) - at(-h)) / (2 * h)) / size };
}

/** Disposes a backend, which must hold nothing any more. */
export async function closeEmpty(backend: Backend): Promise<void> {
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  await backend.dispose();
}
