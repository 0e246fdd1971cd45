/** Tensors that share a part of their memory are refused wherever one of them is written, and accepted where they only touch. */
import { expect, test } from "vitest";
import { apply, inverse, solve, trilInverse, ValueError, type HostTensor, type Shape } from "../src/index.js";
import { SpyBackend } from "./spy-backend.js";

const [n, r, p] = [5, 5, 5];
const backend = new SpyBackend();
const memory = {};

/** Returns a tensor that says of itself that it begins `first` elements into the shared memory. */
function at(first: number, shape: Shape = [1, n, p]): HostTensor {
  const t = backend.empty(shape, "f32");
  Object.defineProperties(t, { storage: { get: () => memory }, byteOffset: { get: () => 4 * first } });
  return t;
}

const far = (index: number): HostTensor => at(1000 * (index + 1), [1, n, r]);
const op = { diag: at(9000, [1, n, 1]), q: far(1), k: far(2) };
const size = n * p;

const calls: Record<string, (input: HostTensor, written: HostTensor) => unknown> = {
  "apply, out over x": (x, out) => apply(backend, op, x, { out }),
  "apply, out over q": (q, out) => apply(backend, { ...op, q }, far(3), { out }),
  "apply, out over k": (k, out) => apply(backend, { ...op, k }, far(3), { out }),
  "apply, out over the state": (initialState, out) => apply(backend, op, far(3), { out, initialState }),
  "apply, the final state over x": (x, finalState) => apply(backend, op, x, { finalState, out: far(4) }),
  "apply, the final state over out": (out, finalState) => apply(backend, op, far(3), { finalState, out }),
  "solve, out over b": (b, out) => solve(backend, op, b, { out }),
  "solve, the final state over the state": (initialState, finalState) =>
    solve(backend, op, far(3), { initialState, finalState, out: far(4) }),
  "inverse, out over q": (q, out) => inverse(backend, { ...op, q }, { out }),
  "trilInverse, out over a": (a, out) => trilInverse(backend, a, { out }),
};

test.each(Object.entries(calls))("%s: any shared element is too much", (_, call) => {
  for (const shift of [1 - size, -1, 1, size - 1]) {
    backend.calls.length = 0;
    expect(() => call(at(100), at(100 + shift)), `shifted by ${shift} elements`).toThrow(ValueError);
    expect(backend.calls).toEqual([]);
  }
  for (const shift of [-size, size]) {
    expect(() => call(at(100), at(100 + shift)), `shifted by ${shift} elements`).not.toThrow();
  }
});
