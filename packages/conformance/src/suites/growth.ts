/** With Q = −1, K = 1 and r = 1, T⁻¹ doubles from row to row. Overflow must come in the row where the answer overflows, and not before. */
import { newFloatArray, type Dtype, type FloatArray } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import { omegaOfSolve } from "../backward-error.js";
import { plainCall, run, type Call } from "../calls.js";
import type { Problem } from "../problems.js";
import { demand, type Case, type Trial } from "../trial.js";

/** The first power of two that the dtype cannot hold, as an exponent: y_i = 2ⁱ is infinite in row 129 (f32), counted from one. */
const overflowRow: Readonly<Record<Dtype, number>> = { f32: 128, f64: 1024 };

/** Makes a problem whose solution, in the order in which rows are visited, is 0 until row `start` and then 1, 2, 4, … */
function doubling(dtype: Dtype, n: number, start: number, trans: boolean): Problem {
  const fill = (value: number): Problem["q"] => newFloatArray(dtype, n).fill(value);
  const rhs = newFloatArray(dtype, n).map((_, i) => ((trans ? n - 1 - i : i) >= start ? 1 : 0));
  return {
    ...{ family: "doubling", dtype, sizes: { batch: 1, n, r: 1, p: 1 }, seed: 0 },
    ...{
      diag: fill(1),
      q: fill(trans ? 1 : -1),
      k: fill(trans ? -1 : 1),
      rhs,
      state: fill(0).subarray(0, 1),
    },
  };
}

async function overflow(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const row = overflowRow[dtype];
  for (const chunk of [undefined, 1, 16, 48, 64, 100]) {
    for (const [start, trans] of [
      [0, false],
      [0, true],
      [7, false],
      [row + 22, false],
    ] as const) {
      const n = start + row + 60;
      if (n > Math.min(trial.plan.maxN, trial.plan.maxWork)) continue;
      const problem = doubling(dtype, n, start, trans);
      const call: Call = { ...plainCall, trans, chunk };
      await trial.scoped(async (scope) => {
        const { out } = await run("solve", scope, problem, call);
        const visited = trans ? out.slice().reverse() : out;
        const where = `doubling from row ${start}, ${dtype}, trans ${trans}, chunk ${chunk}`;
        const finite = start + row;
        const head = doubling(dtype, finite, start, trans);
        // It is judged scaled by 2⁻⁸, which is exact, because the bound of ω would overflow with the next row.
        const scale = (a: FloatArray): FloatArray => a.map((value) => value / 256);
        const y = trans ? visited.slice(0, finite).reverse() : visited.slice(0, finite);
        trial.judge(where, omegaOfSolve({ ...head, rhs: scale(head.rhs) }, call, scale(y)), gate(1));
        demand(visited[finite] === Infinity, `${where}: expected ∞ in row ${finite}, got ${visited[finite]}`);
        const later = visited.subarray(finite).findIndex((value) => Number.isFinite(value));
        demand(later < 0, `${where}: row ${finite + later} is finite, ${visited[finite + later]}`);
      });
    }
  }
}

export function growthCases(shared: Pick<Case, "suite" | "operation">, dtype: Dtype): Case[] {
  const name = `${dtype}: doubling overflows in row ${overflowRow[dtype] + 1}, and every row before is right`;
  return [{ ...shared, name, dtype, kernels: ["solve"], run: overflow }];
}
