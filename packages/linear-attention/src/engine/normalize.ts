import { UnsupportedError, type FloatArray, type HostTensor, type Tensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import type { Packed } from "./packed.js";
import type { Scope } from "./scope.js";

/** The elements, row-major. @throws UnsupportedError where the host cannot reach them */
function elements<T extends Tensor>(scope: Scope<T>, { tensor }: Packed<T>): FloatArray {
  checkReachable(scope.backend.name, tensor);
  return readView(tensor as unknown as HostTensor);
}

/** @throws UnsupportedError */
export function checkReachable(name: string, t: Tensor): void {
  if (!("data" in t)) {
    throw new UnsupportedError(
      "normalizeKeys",
      "a backend whose tensors the host can read at once",
      `${name}, where keys must be normalised beforehand`,
    );
  }
}

/** Each head of each token becomes x / √(Σx² + eps), computed in float64. */
export function normalize<T extends Tensor>(scope: Scope<T>, x: Packed<T>, eps: number): Packed<T> {
  const data = elements(scope, x);
  forEachHead(data, x.width, (start, end) => {
    const norm = normOf(data, start, end, eps);
    for (let i = start; i < end; i++) data[i]! /= norm;
  });
  return { ...x, tensor: scope.own(scope.backend.upload({ data, shape: x.tensor.shape })) };
}

/** x̄ = (ȳ − y (y·ȳ)) / √(Σx² + eps), finite where x = 0. */
export function normalizeVjp<T extends Tensor>(
  scope: Scope<T>,
  x: Packed<T>,
  eps: number,
  cotangent: Packed<T>,
): Packed<T> {
  const [data, bar] = [elements(scope, x), elements(scope, cotangent)];
  forEachHead(data, x.width, (start, end) => {
    const norm = normOf(data, start, end, eps);
    let along = 0;
    for (let i = start; i < end; i++) along += (data[i]! / norm) * bar[i]!;
    for (let i = start; i < end; i++) bar[i] = (bar[i]! - (data[i]! / norm) * along) / norm;
  });
  return { ...x, tensor: scope.own(scope.backend.upload({ data: bar, shape: x.tensor.shape })) };
}

function forEachHead(data: FloatArray, width: number, visit: (start: number, end: number) => void): void {
  if (width === 0) return;
  for (let start = 0; start < data.length; start += width) visit(start, start + width);
}

function normOf(data: FloatArray, start: number, end: number, eps: number): number {
  let squares = eps;
  for (let i = start; i < end; i++) squares += data[i]! * data[i]!;
  return Math.sqrt(squares);
}
