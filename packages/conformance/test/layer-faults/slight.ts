import { faulty, named, spoil, type LayerFault } from "./faulty.js";
import { gdn } from "./changes.js";

/** Faults that are smaller than what a measured gate allows. The exact class finds them, and so does the figure for a model's data. */
export const slightFaults: readonly LayerFault[] = [
  {
    name: "every element of the output is off by two roundings",
    caughtBy: "layers: exact class › f32: gatedDeltaRule",
    layers: faulty(gdn, { after: ({ output }) => spoil(output, (value) => value * (1 + 2 ** -22)) }),
  },
  {
    name: "a gradient is off by two roundings",
    caughtBy: "layers: exact class › f32: gradients of comba",
    layers: faulty(named("comba"), {
      afterBack: (all) => spoil(all["value"]!, (value) => value * (1 + 2 ** -22)),
    }),
  },
  {
    name: "an output of more than 20 tokens is off by 30 roundings",
    caughtBy: "layers: accuracy › f32: ssd",
    layers: faulty(named("ssd"), {
      after: ({ output }) =>
        spoil(output, (value) => (output.shape[1] > 20 ? value * (1 + 30 * 2 ** -24) : value)),
    }),
  },
];
