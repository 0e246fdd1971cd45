import type { Dtype } from "@dlrt/core";
import { unitRoundoff } from "@dlrt/core";
import { describe, expect, it } from "vitest";
import { decayVjp } from "../../src/kernels/decay-vjp.js";
import { tensor } from "./problems.js";
import { randomFrom } from "../../../../tooling/random.mjs";

/** Draws float32 numbers that are multiples of 2⁻²⁴. Their products are multiples of 2⁻⁴⁸, which float64 holds exactly. */
const whole = (x: number): number => Math.fround(Math.round(x * 2 ** 23) / 2 ** 23);
const exactly = (product: number): bigint => BigInt(product * 2 ** 48);

describe.each(["f32", "f64"] as Dtype[])("decayVjp %s", (dtype) => {
  const families = {
    random: (random: () => number) => () => random(),
    constant: () => (at: number) => [0.7, 0.6, 0.1, 0.3][at % 4]!,
  };

  it.each(
    Object.entries(families).flatMap(([name, family]) =>
      ([1, 3, 130] as const).flatMap((r) =>
        ([1, r] as const).map((columns) => [name, r, columns, family] as const),
      ),
    ),
  )("%s, r %i, %i columns: running sums over many rows keep to the gate", (_, r, columns, family) => {
    const n = r === 130 ? 700 : 20_000;
    const value = family(randomFrom(r + columns));
    const make = (salt: number) => tensor([1, n, r], dtype, (at) => whole(value(salt === 3 ? at + 1 : salt)));
    const [q, k, qGradient, kGradient] = [0, 1, 2, 3].map(make);
    const start = tensor([1, r, 1], dtype, (m) => whole(value(m)));
    const decay = tensor([1, n, columns], dtype, (at) => (at % 17 === 5 ? -Infinity : -1));
    for (const trans of [false, true]) {
      for (const from of [start, undefined]) {
        const out = tensor([1, n, columns], dtype);
        decayVjp({
          ...{ batch: 1, n, r, trans, decay, start: from, out },
          ...{ q: q!, k: k!, qGradient: qGradient!, kGradient: kGradient! },
        });
        const sums = Array.from({ length: columns }, () => 0n);
        const bounds = new Float64Array(columns);
        const grow = (m: number, sign: bigint, product: number): void => {
          sums[m % columns]! += sign * exactly(product);
          bounds[m % columns]! += Math.abs(product);
        };
        if (from) for (let m = 0; m < r; m++) grow(m, 1n, from.data[m]!);
        const add = (t: number, sign: bigint): void => {
          for (let m = 0; m < r; m++) {
            const at = t * r + m;
            grow(m, sign, q!.data[at]! * qGradient!.data[at]!);
            grow(m, -sign, k!.data[at]! * kGradient!.data[at]!);
          }
        };
        let worst = 0;
        for (let step = 0; step < n; step++) {
          const t = trans ? n - 1 - step : step;
          if (trans) add(t, 1n);
          for (let m = 0; m < columns; m++) {
            const got = out.data[t * columns + m]!;
            if (decay.data[t * columns + m] === -Infinity) {
              expect(got).toBe(0);
              continue;
            }
            // The sum is taken as two float64 numbers, as it may have more bits than one holds.
            const high = Number(sums[m]! >> 40n) / 2 ** 8;
            const low = Number(sums[m]! & (2n ** 40n - 1n)) / 2 ** 48;
            const error = Math.abs(got - high - low);
            worst = Math.max(worst, error === 0 ? 0 : error / bounds[m]!);
          }
          if (!trans) add(t, -1n);
        }
        expect(worst).toBeLessThanOrEqual(16 * unitRoundoff[dtype]);
        // The sums are compensated, so they keep to less than the 16 ε of the gate: to 2 ε, and to 4 ε where one number
        // of a row is the sum of r products.
        expect(worst).toBeLessThanOrEqual((columns === r ? 2 : 4) * unitRoundoff[dtype]);
      }
    }
  });

  it("takes no rows and no channels", () => {
    const decay = tensor([2, 3, 1], dtype, () => -1);
    const none = tensor([2, 3, 0], dtype);
    const out = tensor([2, 3, 1], dtype);
    decayVjp({
      ...{ batch: 2, n: 3, r: 0, trans: false, decay, out },
      ...{ q: none, k: none, qGradient: none, kGradient: none },
    });
    expect([...out.data]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
