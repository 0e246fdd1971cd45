import { elements, faulty, named, spoil, type LayerFault } from "./faulty.js";
import { gdn, gradients } from "./changes.js";

/** Faults in the gradients of a layer. */
export const gradientFaults: readonly LayerFault[] = [
  {
    name: "the gradient of a shared head is that of its first",
    caughtBy: gradients("gatedDeltaRule"),
    layers: faulty(gdn, {
      afterBack: (all, call) => {
        const { query, key = query, value = key } = call.options.heads;
        if (Math.max(query, value) > key) spoil(all["key"]!, (one) => one / 2);
      },
    }),
  },
  {
    name: "ḡ comes by dividing by g",
    caughtBy: gradients("simpleGla"),
    layers: faulty(named("simpleGla"), {
      afterBack: (all, { inputs }) => {
        const g = elements(inputs["decay"]!);
        spoil(all["decay"]!, (value, at) => (value * g[at]!) / g[at]!);
      },
    }),
  },
  {
    name: "what Comba's erase key read counts for the decay of its own row",
    caughtBy: gradients("comba"),
    layers: faulty(named("comba"), {
      afterBack: (all, { inputs }) => {
        const [p, gradient] = [elements(inputs["erase"]!), elements(all["erase"]!)];
        const count = p.length / (elements(inputs["decay"]!).length || 1);
        spoil(all["decay"]!, (value, at) => {
          let sum = value;
          for (let m = at * count; m < (at + 1) * count; m++) sum += (p[m] ?? 0) * (gradient[m] ?? 0);
          return sum;
        });
      },
    }),
  },
  {
    name: "what comes back through the final state is forgotten",
    caughtBy: gradients("kimiDeltaAttention"),
    layers: faulty(named("kimiDeltaAttention"), {
      change: ({ cotangents }) => (cotangents ? { cotangents: { output: cotangents.output } } : {}),
    }),
  },
  {
    name: "the gradient of the initial state is that of the final one",
    caughtBy: gradients("dplr"),
    layers: faulty(named("dplr"), {
      afterBack: (all) => all["initialState"] && spoil(all["initialState"], () => 1),
    }),
  },
  {
    name: "the gradient of A misses a token",
    caughtBy: gradients("ssd"),
    layers: faulty(named("ssd"), {
      afterBack: (all, { inputs }) => {
        const dt = elements(inputs["dt"]!);
        spoil(all["A"]!, (value) => value * (1 - 1e-4 * (dt[0] ?? 0)));
      },
    }),
  },
  {
    name: "the gradient of a zero key is NaN",
    caughtBy: "layers: normalised keys › f32: gradients of deltaRule",
    layers: faulty(named("deltaRule"), {
      afterBack: (all, { inputs, options }) => {
        const key = elements(inputs["key"]!);
        if (options.normalizeKeys) spoil(all["key"]!, (value, at) => (key[at] === 0 ? NaN : value));
      },
    }),
  },
  {
    name: "eps is outside of the root",
    caughtBy: "layers: normalised keys › f32: gatedDeltaRule2",
    layers: faulty(named("gatedDeltaRule2"), {
      change: ({ options }) =>
        typeof options.normalizeKeys === "object"
          ? { options: { ...options, normalizeKeys: { eps: options.normalizeKeys.eps ** 2 } } }
          : {},
    }),
  },
];
