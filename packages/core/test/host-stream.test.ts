// Gradients of a sequence that goes through in pieces on plain arrays. The backward pass takes the last piece first,
// and its result is compared with the gradients of the whole sequence.
import { expect, test } from "vitest";
import * as host from "../src/host.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

const [n, r, p] = [7, 2, 2];
/** Returns numbers among −1, 0 and 1. Everything that is computed from them here is exact, so that results can be compared bit by bit. */
const small = (length: number, seed: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => ((i * i + seed * i) % 3) - 1);

const whole = {
  diag: small(n, 5).map((x) => x || 2),
  q: small(n * r, 1),
  k: small(n * r, 2),
  decay: Float64Array.from({ length: n }, (_, i) => (i === 4 ? -Infinity : 0)),
};
const [rhs, cotangent] = [small(n * p, 3), small(n * p, 4)];
const [start, endCotangent] = [small(r * p, 1), small(r * p, 2)];

type Rows = readonly [from: number, to: number];
const part = (x: Float64Array, [from, to]: Rows): Float64Array =>
  x.slice((from * x.length) / n, (to * x.length) / n);
const operatorOf = (rows: Rows): host.HostOperator => ({
  shape: [1, rows[1] - rows[0], r],
  diag: part(whole.diag, rows),
  q: part(whole.q, rows),
  k: part(whole.k, rows),
  decay: part(whole.decay, rows),
});

const backend = new SpyBackend(referenceKernels);
const solves = {
  forward: async (rows: Rows, states: host.HostSolveOptions) =>
    host.solve(backend, operatorOf(rows), part(rhs, rows), states),
  backward: host.solveVjp,
};
const applies = {
  forward: async (rows: Rows, states: host.HostApplyOptions) => {
    await host.apply(backend, operatorOf(rows), part(rhs, rows), states);
    return part(rhs, rows); // its gradient takes x
  },
  backward: host.applyVjp,
};

/** Returns every gradient of the sequence cut at `cuts`, in the order of its rows, and the gradient of the state before it. */
async function gradientsOf(
  { forward, backward }: typeof solves | typeof applies,
  cuts: number[],
  trans: boolean,
) {
  const pieces = cuts.slice(1).map((to, at): Rows => [cuts[at]!, to]);
  if (trans) pieces.reverse();
  const z = start.slice();
  const kept = [];
  for (const rows of pieces) {
    const before = z.slice();
    kept.push({ rows, before, primal: await forward(rows, { trans, initialState: z, finalState: z }) });
  }
  let finalStateCotangent = endCotangent;
  const all: Record<string, number[][]> = {};
  for (const { rows, before, primal } of kept.reverse()) {
    const options = { trans, initialState: before, finalStateCotangent };
    const given = await backward(backend, operatorOf(rows), primal, part(cotangent, rows), options);
    const { initialState, ...gradients } = given;
    finalStateCotangent = initialState!;
    for (const [name, values] of Object.entries(gradients))
      (all[name] ??= []).push([...values].map((x) => x + 0));
  }
  const joined = Object.entries(all).map(([name, parts]) => [name, (trans ? parts : parts.reverse()).flat()]);
  return { ...Object.fromEntries(joined), initialState: [...finalStateCotangent].map((x) => x + 0) };
}

test.each([
  ["solve", solves, false],
  ["solve, transposed", solves, true],
  ["apply", applies, false],
  ["apply, transposed", applies, true],
])("the gradients of %s, piece by piece from the last, are those of the whole", async (_, verb, trans) => {
  const expected = await gradientsOf(verb, [0, n], trans);
  expect(Object.keys(expected)).toHaveLength(6);
  for (const [name, values] of Object.entries(expected))
    expect(new Set(values as number[]).size, name).toBeGreaterThan(1);
  expect(await gradientsOf(verb, [0, 3, 5, 5, n], trans)).toEqual(expected);
  expect(await gradientsOf(verb, [0, 1, 2, 3, 4, 5, 6, n], trans)).toEqual(expected);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});
