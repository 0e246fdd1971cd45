import { solve } from "@dlrt/core";
import { expect, test } from "vitest";
import { createWebGpuBackend } from "../../src/node.js";
import { uniformFrom } from "../../../../tooling/random.mjs";
import { problem, upload, worstOmega } from "../support/problem.js";

const N = 1_000_000;
const D = 32;
const PIECE = 50_000;

test.each([0, 1, D])(
  "a million rows, r = p = 32, %i gaps a row, streamed through the state",
  async (gaps) => {
    const backend = await createWebGpuBackend({ selfTest: false });
    const plain = problem(1, N, D, D);
    // The gaps lie between 0 and −4, and most of them near 0.
    const next = uniformFrom(4);
    const decay = Float32Array.from({ length: N * gaps }, () => -4 * next() ** 8);
    const of = gaps === 0 ? plain : { ...plain, decay };
    const y = new Float32Array(N * D);
    const state = backend.upload({ data: new Float32Array(D * D), shape: [1, D, D] });
    for (let first = 0; first < N; first += PIECE) {
      const cut = (array: Float32Array, cols: number): Float32Array =>
        array.slice(first * cols, (first + PIECE) * cols);
      const shape = { batch: 1, n: PIECE, r: D, p: D };
      const piece = {
        shape,
        diag: cut(of.diag, 1),
        q: cut(of.q, D),
        k: cut(of.k, D),
        b: cut(of.b, D),
        ...(gaps > 0 && { decay: cut(decay, gaps) }),
      };
      const { op, b, dispose } = upload(backend, piece);
      const part = solve(backend, op, b, { initialState: state, finalState: state });
      y.set(await backend.read(part), first * D);
      part.dispose();
      dispose();
    }
    state.dispose();
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    const error = worstOmega(of, y);
    console.log(
      `n = ${N}, r = p = ${D}, ${gaps} gaps a row, in pieces of ${PIECE}: ω = ${error.toFixed(2)} ε`,
    );
    expect(error).toBeLessThanOrEqual(16);
    await backend.dispose();
  },
);
