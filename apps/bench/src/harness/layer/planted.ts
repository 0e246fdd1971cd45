import type { LayerContender } from "./contender.js";
import { naiveLayer } from "./naive.js";

/** The naive recurrence with one element of its output off by a thousandth of the largest. */
export const plantedLayer: LayerContender = {
  ...naiveLayer,
  name: "planted",
  kind: "backend",
  build: "one element off by a thousandth of the largest",
  open(problem) {
    const run = naiveLayer.open(problem);
    return {
      ...run,
      read: async () => {
        const [output, state] = await run.read();
        const wrong = Float32Array.from(output!);
        const size = wrong.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        wrong[wrong.length >> 1]! += size / 1000;
        return [wrong, state!];
      },
    };
  },
};
