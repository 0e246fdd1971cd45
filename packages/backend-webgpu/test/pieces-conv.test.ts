import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { GpuTensor } from "../src/node.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { onDevice, rowsOf, worst, type OnDevice } from "./support/on-device.js";
import { convOf } from "./support/pieces.js";

let device: OnDevice;
beforeAll(async () => {
  device = await onDevice();
});
afterEach(() => device.clear());
afterAll(() => device.dispose());

/** The largest error allowed, in ε of what rounding each operand once would move the result by. */
const LIMIT = 8;
const batch = 2;
const entries = [0, 1];

test.each([
  [1, 4, 3, "silu", true, true],
  [2, 4, 3, "none", true, true],
  [150, 4, 6, "silu", true, false],
  [150, 4, 6, "silu", false, true],
  [70, 1, 5, "none", true, true],
  [70, 1, 5, "silu", false, false],
  [40, 30, 2, "silu", true, true],
] as const)(
  "%i tokens, %i taps, %i channels, %s, bias: %s, state: %s: the convolution, its final state, all gradients",
  async (n, taps, p, activation, biased, stateful) => {
    const next = uniformFrom(n + taps);
    const numbers = (count: number, scale = 1): number[] =>
      Array.from({ length: count }, () => scale * (2 * next() - 1));
    const shapes = {
      x: [batch, n, p],
      weight: [batch, taps, p],
      bias: [batch, 1, p],
      state: [batch, taps - 1, p],
    } as const;
    const count = (name: keyof typeof shapes): number => shapes[name].reduce((size, axis) => size * axis, 1);
    const x = numbers(count("x"), 3).map((value, at) => (at % 29 === 0 ? 60 * value : value));
    const [weight, bias, state] = [
      numbers(count("weight"), 1.5),
      numbers(count("bias")),
      numbers(count("state")),
    ];
    const [cotangent, final] = [numbers(count("x")), numbers(count("state"))];
    const want = entries.map((entry) =>
      convOf(
        {
          activation,
          x: rowsOf(Float32Array.from(x), shapes.x, entry),
          weight: rowsOf(Float32Array.from(weight), shapes.weight, entry),
          bias: biased ? rowsOf(Float32Array.from(bias), shapes.bias, entry)[0]! : undefined,
          state: stateful ? rowsOf(Float32Array.from(state), shapes.state, entry) : undefined,
        },
        rowsOf(Float32Array.from(cotangent), shapes.x, entry),
        stateful ? rowsOf(Float32Array.from(final), shapes.state, entry) : undefined,
      ),
    );
    for (const on of device.both) {
      const inputs = {
        ...{ batch, n, p, taps, activation },
        x: device.put(on, x, shapes.x),
        weight: device.put(on, weight, shapes.weight),
        bias: biased ? device.put(on, bias, shapes.bias) : undefined,
        initialState: stateful ? device.put(on, state, shapes.state) : undefined,
      };
      const results: Record<keyof ReturnType<typeof convOf>, GpuTensor> = {
        y: device.poison(on, ...shapes.x),
        final: device.poison(on, ...shapes.state),
        x: device.poison(on, ...shapes.x),
        state: device.poison(on, ...shapes.state),
        weight: device.poison(on, ...shapes.weight),
        bias: device.poison(on, ...shapes.bias),
      };
      on.kernels.causalConv!({ ...inputs, out: results.y, finalState: results.final });
      on.kernels.causalConvVjp!({
        ...inputs,
        cotangent: device.put(on, cotangent, shapes.x),
        finalStateCotangent: stateful ? device.put(on, final, shapes.state) : undefined,
        gradients: {
          x: results.x,
          weight: results.weight,
          bias: biased ? results.bias : undefined,
          initialState: stateful ? results.state : undefined,
        },
      });
      for (const name of ["y", "final", "x", "state", "weight", "bias"] as const) {
        if ((name === "bias" && !biased) || (name === "state" && !stateful)) continue;
        const most = worst(
          await on.read(results[name]),
          want.map((of) => of[name]),
        );
        expect(most, name).toBeLessThanOrEqual(LIMIT);
      }
    }
  },
);
