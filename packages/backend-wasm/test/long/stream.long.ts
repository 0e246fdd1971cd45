import { createWasmBackend } from "@dlrt/backend-wasm";
import { solve } from "@dlrt/core";
import { omega } from "@dlrt/core/reference";
import { expect, test } from "vitest";
import { random } from "../problem.js";

const [rows, r, p, piece] = [1_000_000, 8, 4, 4096];

/** Unit keys, q_i = β_i k_i with β in (0, 2): the matrix of DeltaNet. */
function deltaNet(): { q: Float32Array; k: Float32Array } {
  const k = random("f32", [1, rows, r], 1) as Float32Array;
  const beta = random("f32", [1, rows, 1], 2);
  const q = new Float32Array(rows * r);
  for (let i = 0; i < rows; i++) {
    const row = k.subarray(i * r, (i + 1) * r);
    const norm = Math.hypot(...row);
    for (let j = 0; j < r; j++) {
      row[j]! /= norm;
      q[i * r + j] = (1 + 2 * beta[i]!) * row[j]!;
    }
  }
  return { q, k };
}

test("a million rows, streamed in pieces through the state, keep ω ≤ 16 ε", async () => {
  const backend = await createWasmBackend();
  const { q, k } = deltaNet();
  const b = random("f32", [1, rows, p], 3) as Float32Array;
  const y = new Float64Array(rows * p);
  const state = backend.upload({ data: new Float32Array(r * p), shape: [1, r, p] });
  for (let at = 0; at < rows; at += piece) {
    const n = Math.min(piece, rows - at);
    const put = (data: Float32Array, cols: number) =>
      backend.upload({ data, shape: [1, n, cols], offset: at * cols });
    const op = { diag: put(new Float32Array(at + n).fill(1), 1), q: put(q, r), k: put(k, r) };
    const rhs = put(b, p);
    y.set(solve(backend, op, rhs, { out: rhs, initialState: state, finalState: state }).data, at * p);
    for (const t of [op.diag, op.q, op.k, rhs]) t.dispose();
  }
  const op = {
    n: rows,
    r,
    diag: new Float64Array(rows).fill(1),
    q: Float64Array.from(q),
    k: Float64Array.from(k),
  };
  expect(omega(op, y, Float64Array.from(b), p) * 2 ** 24).toBeLessThanOrEqual(16);
  state.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  await backend.dispose();
}, 600_000);
