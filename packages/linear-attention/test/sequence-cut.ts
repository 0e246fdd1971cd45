import type { Backend, HostTensor } from "@dlrt/core";
import type { ReferenceProblem } from "../src/reference/index.js";
import { inputsOf, type Arrays, type Layer, isParameter } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

/** Returns the tokens `from` to `to` of every input as views, `to` excluded. */
export function slice(
  backend: Backend<HostTensor>,
  layer: Layer,
  problem: ReferenceProblem,
  tensors: Readonly<Record<string, HostTensor>>,
  from: number,
  to: number,
): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => {
      const [batch, rows, cols] = t.shape;
      const steps = rows / problem.tokens;
      if (isParameter(layer, name)) return [name, t];
      const layout = { ...t.layout, offset: from * steps * cols };
      return [name, backend.view(t, [batch, (to - from) * steps, cols], layout)];
    }),
  );
}

/**
 * Draws inputs on which a layer is exact in any dtype: small integers, keys that are plus or minus a unit vector, β of 0, 1 or 2, and g of 0 or
 * −∞.
 */
export function exactInputs(layer: Layer, problem: ReferenceProblem, seed: number): Arrays {
  const random = randomFrom(seed);
  const pick = (numbers: readonly number[]) =>
    numbers[Math.floor(((random() + 1) / 2) * numbers.length) % numbers.length]!;
  const shapes = inputsOf(layer, problem, 0, 1);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, array]) => {
      const kind = layer.inputs[name];
      const out = new Float64Array(array.length);
      if (kind === "key" || kind === "a" || kind === "b") {
        for (let at = 0; at < out.length; at += problem.keyWidth)
          out[at + pick([0, 1, 2, 3, 4])] = kind === "a" ? pick([-1, 0, 0]) : pick([-1, 1]);
      } else if (kind === "head") {
        out.forEach((_, at) => (out[at] = pick([0, 1, 2])));
      } else if (kind === "g" || kind === "gChannel") {
        out.forEach((_, at) => (out[at] = pick([0, 0, 0, 0, 0, 0, 0, -Infinity])));
      } else {
        out.forEach((_, at) => (out[at] = pick([-1, 0, 1])));
      }
      return [name, out];
    }),
  );
}
