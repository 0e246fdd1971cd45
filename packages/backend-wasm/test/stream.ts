// A sequence longer than one call takes: solved in pieces, each from the state that the one before it ended in.
import { solve } from "@dlrt/core";
import { omega } from "@dlrt/core/reference";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { random } from "./problem.js";
import type { Channels, Family } from "./gaps.js";

const [r, p] = [8, 4];

/** Unit keys, q_i = β_i k_i with β in (0, 2): the matrix of DeltaNet. */
function deltaNet(rows: number): { q: Float32Array; k: Float32Array } {
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

/** Solves so many rows in pieces. Returns ω of the whole, in ε, and what is left on the backend afterwards. */
export async function streamed(
  rows: number,
  piece: number,
  gaps?: { readonly family: Family; readonly channels: Channels },
): Promise<{ error: number; left: { tensors: number; bytes: number } }> {
  const backend = await createWasmBackend();
  const { q, k } = deltaNet(rows);
  const columns = gaps?.channels === "row" ? 1 : r;
  const decay =
    gaps &&
    (random("f32", [1, rows, columns], 4) as Float32Array).map((u, at) =>
      gaps.family(u + 0.5, Math.floor(at / columns)),
    );
  const b = random("f32", [1, rows, p], 3) as Float32Array;
  const y = new Float64Array(rows * p);
  const ones = new Float32Array(rows).fill(1);
  const state = backend.upload({ data: new Float32Array(r * p), shape: [1, r, p] });
  for (let at = 0; at < rows; at += piece) {
    const n = Math.min(piece, rows - at);
    const put = (data: Float32Array, cols: number) =>
      backend.upload({ data, shape: [1, n, cols], offset: at * cols });
    const op = { diag: put(ones, 1), q: put(q, r), k: put(k, r), decay: decay && put(decay, columns) };
    const rhs = put(b, p);
    y.set(solve(backend, op, rhs, { out: rhs, initialState: state, finalState: state }).data, at * p);
    for (const t of [op.diag, op.q, op.k, op.decay, rhs]) t?.dispose();
  }
  const op = {
    n: rows,
    r,
    diag: Float64Array.from(ones),
    q: Float64Array.from(q),
    k: Float64Array.from(k),
    decay: decay && Float64Array.from(decay),
  };
  const error = omega(op, y, Float64Array.from(b), p, { dtype: "f32" }) * 2 ** 24;
  state.dispose();
  const left = backend.memory();
  await backend.dispose();
  return { error, left };
}
