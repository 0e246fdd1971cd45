/** The kernel `rowDot`, which the gradient of Λ is computed by, beside exact dot products. */
import { newFloatArray, unitRoundoff, type FloatArray, type Shape } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfRowDot } from "../backward-error.js";
import { Random } from "../random.js";
import { anySizes } from "../sizes.js";
import type { Scope, Trial } from "../trial.js";

async function judgeRowDot(
  scope: Scope,
  trial: Trial,
  [x, y]: readonly [FloatArray, FloatArray],
  [shape, alpha, what, adversarial]: readonly [Shape, number, string, boolean],
): Promise<void> {
  const dtype = trial.subject.dtype!;
  const [batch, n, p] = shape;
  const out = scope.poisoned([batch, n, 1], dtype);
  if (batch * n > 0) {
    const params = { batch, n, p, alpha, x: scope.put(x, shape), y: scope.put(y, shape), out };
    scope.backend.kernels.rowDot(params);
  }
  const omega = omegaOfRowDot([x, y, await scope.read(out)], alpha, p);
  const where = `${what}, ${dtype}, batch ${batch}, n ${n}, p ${p}, α ${alpha}`;
  trial.judge(where, omega, gate(p, adversarial));
}

/**
 * Runs rows of every length up to 33, which end within a vector of any width, and sums of one product of 1 and many
 * just under half a unit in its last place, with the large one at either end.
 */
export async function everyRowDot(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const random = new Random(trial.plan.seed);
  for (const p of [...Array(34).keys(), 63, 64, 65, 127, 128, 129, 257, 1000, 1024]) {
    for (const n of p < 34 ? [3] : [1, 8]) {
      if (n * p > trial.plan.maxWork) continue;
      const [x, y] = [0, 1].map(() => random.fillNormal(newFloatArray(dtype, n * p)));
      await trial.scoped((scope) => judgeRowDot(scope, trial, [x!, y!], [[1, n, p], 1, "random", false]));
    }
  }
  const tiny = 0.98 * unitRoundoff[dtype];
  const n = 5;
  for (const p of [65, 257, 1024].filter((length) => n * length <= trial.plan.maxWork)) {
    for (const large of [0, p - 1]) {
      const ones = newFloatArray(dtype, n * p).fill(1);
      const y = newFloatArray(dtype, n * p).map((_, at) => (at % p === large ? 1 : tiny));
      const what = `one large product at ${large}`;
      await trial.scoped((scope) => judgeRowDot(scope, trial, [ones, y], [[1, n, p], 1, what, true]));
    }
  }
}

/** Calls the kernel itself, because no public operation calls it with these options. */
export function anyRowDot(trial: Trial): Promise<void> {
  const values = fc.record({
    sizes: anySizes(trial.plan),
    alpha: fc.constantFrom(1, -1, 0.5, -3, 0),
    seed: fc.nat(),
  });
  return trial.property(values, async (scope, { sizes: { batch, n, p }, alpha, seed }) => {
    const dtype = trial.subject.dtype!;
    const random = new Random(seed);
    const [x, y] = [0, 1].map(() => random.fillNormal(newFloatArray(dtype, batch * n * p)));
    await judgeRowDot(scope, trial, [x!, y!], [[batch, n, p], alpha, `seed ${seed}`, false]);
  });
}
