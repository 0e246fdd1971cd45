import { elements, faulty, like, named, spoil, type LayerFault } from "./faulty.js";
import { gdn, NOTHING, other, results } from "./changes.js";

/** Faults in what a call reads and writes: other sequences, later tokens, or its own inputs. */
export const reachFaults: readonly LayerFault[] = [
  {
    name: "packed sequences leak: the decay of the first token of each is the one before",
    caughtBy: "layers: packed sequences › f32: gatedDeltaRule",
    layers: faulty(gdn, {
      change: (call) => {
        const { sequences } = call.options;
        return !sequences
          ? {}
          : other(call, "decay", (value, at, { cols }) =>
              sequences.subarray(1).includes(Math.floor(at / cols) + 1) ? value / 2 : value,
            );
      },
    }),
  },
  {
    name: "states of packed sequences start from that of the first",
    caughtBy: "layers: packed sequences › f32: deltaRule",
    layers: faulty(named("deltaRule"), {
      change: (call) => {
        const { backend, options } = call;
        const { initialState, sequences } = options;
        if (!initialState || !sequences) return {};
        const all = elements(initialState);
        const size = all.length / (sequences.length - 1);
        const state = like(backend, initialState, (_, at) => all[at % size]!);
        return { options: { ...options, initialState: state } };
      },
    }),
  },
  {
    name: "0 times another sequence is added",
    caughtBy: "layers: calls › f32: simpleGla keeps sequences apart",
    layers: faulty(named("simpleGla"), {
      after: ({ output }, { inputs }) => {
        const sum = elements(inputs["value"]!).reduce((total, value) => total + value * NOTHING, 0);
        spoil(output, (value) => value + sum);
      },
    }),
  },
  {
    name: "0 times the next token is added",
    caughtBy: "layers: calls › f32: gla reads no later token",
    layers: faulty(named("gla"), {
      after: ({ output }, { inputs }) => {
        const last = elements(inputs["key"]!).at(-1)! * NOTHING;
        spoil(output, (value) => value + last);
      },
    }),
  },
  {
    name: "an input is changed",
    caughtBy: "layers: calls › f32: deltaRule leaves its inputs, and repeats itself",
    layers: faulty(named("deltaRule"), {
      after: (_, { inputs }) => spoil(inputs["key"]!, (value) => value + 1),
    }),
  },
  {
    name: "a tensor is left behind",
    caughtBy: results("linearAttention"),
    layers: faulty(named("linearAttention"), { after: (_, { backend }) => void backend.empty([1, 1, 1]) }),
  },
];
