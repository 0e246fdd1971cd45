import { solve } from "@dlrt/core";
import { expect, test } from "vitest";
import { createWebGpuBackend } from "../../src/node.js";
import { problem, upload, worstOmega } from "../support/problem.js";

const N = 1_000_000;
const D = 32;
const PIECE = 50_000;

test("a million rows, r = p = 32, streamed through the state", async () => {
  const backend = await createWebGpuBackend({ selfTest: false });
  const of = problem(1, N, D, D);
  const y = new Float32Array(N * D);
  const state = backend.upload({ data: new Float32Array(D * D), shape: [1, D, D] });
  for (let first = 0; first < N; first += PIECE) {
    const cut = (array: Float32Array, cols: number): Float32Array =>
      array.slice(first * cols, (first + PIECE) * cols);
    const shape = { batch: 1, n: PIECE, r: D, p: D };
    const piece = { shape, diag: cut(of.diag, 1), q: cut(of.q, D), k: cut(of.k, D), b: cut(of.b, D) };
    const { op, b, dispose } = upload(backend, piece);
    const part = solve(backend, op, b, { initialState: state, finalState: state });
    y.set(await backend.read(part), first * D);
    part.dispose();
    dispose();
  }
  state.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  const error = worstOmega(of, y);
  console.log(`n = ${N}, r = p = ${D}, in pieces of ${PIECE}: ω = ${error.toFixed(2)} ε`);
  expect(error).toBeLessThanOrEqual(16);
  await backend.dispose();
});
