import { elements, faulty, named, spoil, type LayerFault } from "./faulty.js";
import { gdn, heads, late, other, results, stateHeads } from "./changes.js";

/** Faults in what a layer computes. */
export const resultFaults: readonly LayerFault[] = [
  {
    name: "the scale is forgotten",
    caughtBy: results("deltaRule"),
    layers: faulty(named("deltaRule"), { change: ({ options }) => ({ options: { ...options, scale: 1 } }) }),
  },
  {
    name: "RWKV-7 scales by 1/√K where nobody asks",
    caughtBy: "layers: pieces › f32: rwkv7",
    layers: faulty(named("rwkv7"), {
      change: ({ options, inputs }) => ({
        options: {
          ...options,
          scale: options.scale ?? 1 / Math.sqrt(inputs["r"]!.shape[2] / options.heads.query),
        },
      }),
    }),
  },
  {
    name: "β of another head",
    caughtBy: results("gatedDeltaRule"),
    layers: faulty(gdn, {
      change: (call) => {
        const count = call.inputs["beta"]!.shape[2];
        return heads(call, "beta", count, (h) => (h + 1) % count);
      },
    }),
  },
  {
    name: "a shared query head is h mod H, not ⌊h / ratio⌋",
    caughtBy: results("simpleGla"),
    layers: faulty(named("simpleGla"), {
      change: (call) => {
        const { query, key = query } = call.options.heads;
        if (query <= key) return {};
        return heads(call, "query", query, (h) => (h % key) * (query / key) + Math.floor(h / key));
      },
    }),
  },
  {
    name: "the final state of another head",
    caughtBy: results("gla"),
    layers: faulty(named("gla"), {
      after: ({ finalState }, call) => {
        const count = stateHeads(call);
        if (!finalState || count < 2) return;
        const size = finalState.shape[1] * finalState.shape[2];
        spoil(finalState, (_, at, all) => {
          const entry = Math.floor(at / size);
          const base = entry - (entry % count);
          return all[(base + ((entry + 1) % count)) * size + (at % size)]!;
        });
      },
    }),
  },
  {
    name: "a state comes in as V×K where K×V was said",
    caughtBy: results("linearAttention"),
    layers: faulty(named("linearAttention"), {
      after: ({ finalState }, { options }) => {
        if (!finalState || options.stateLayout !== "vk") return;
        const [, rows, cols] = finalState.shape;
        spoil(finalState, (_, at, all) => {
          const [entry, i, j] = [Math.floor(at / (rows * cols)), Math.floor(at / cols) % rows, at % cols];
          return all[entry * rows * cols + ((j * rows + i) % (rows * cols))]!;
        });
      },
    }),
  },
  {
    name: "the decay comes after the read",
    caughtBy: results("gatedDeltaRule"),
    layers: faulty(gdn, { change: (call) => late(call, "decay") }),
  },
  {
    name: "the last g of a chunk that is not full is read from its padding",
    caughtBy: results("kimiDeltaAttention"),
    layers: faulty(named("kimiDeltaAttention"), {
      change: (call) => {
        const tokens = call.inputs["decay"]!.shape[1];
        return other(call, "decay", (value, at, { cols }) =>
          tokens % 16 !== 0 && Math.floor(at / cols) % tokens === tokens - 1 ? 0 : value,
        );
      },
    }),
  },
  {
    name: "one gate for all channels",
    caughtBy: results("gla"),
    layers: faulty(named("gla"), {
      change: (call) => {
        const width = call.inputs["decay"]!.shape[2] / stateHeads(call);
        return other(call, "decay", (_, at, { all }) => all[at - (at % width)]!);
      },
    }),
  },
  {
    name: "a reads the state after it decayed",
    caughtBy: results("dplr"),
    layers: faulty(named("dplr"), {
      change: (call) => {
        const g = elements(call.inputs["decay"]!);
        return other(call, "a", (value, at) => value * Math.exp(g[at]!));
      },
    }),
  },
  {
    name: "Comba's erase key is the write key",
    caughtBy: results("comba"),
    layers: faulty(named("comba"), {
      change: ({ inputs }) => ({ inputs: { ...inputs, erase: inputs["key"]! } }),
    }),
  },
  {
    name: "Comba's erase key reads the state after it decayed",
    caughtBy: results("comba"),
    layers: faulty(named("comba"), {
      change: (call) => {
        const { shape } = call.inputs["decay"]!;
        const g = elements(call.inputs["decay"]!);
        return other(call, "erase", (value, at, { cols }) => {
          const head = Math.floor(((at % cols) * shape[2]) / cols);
          return value * Math.exp(g[Math.floor(at / cols) * shape[2] + head]!);
        });
      },
    }),
  },
  {
    name: "the erase gate of GDN-2 is forgotten",
    caughtBy: results("gatedDeltaRule2"),
    layers: faulty(named("gatedDeltaRule2"), { change: (call) => other(call, "erase", () => 1) }),
  },
  {
    name: "the steps of a token in reverse",
    caughtBy: results("gatedDeltaProduct, 3 steps"),
    layers: faulty(named("gatedDeltaProduct, 3 steps"), {
      change: (call) =>
        other(call, "key", (_, at, { all, cols }) => {
          const row = Math.floor(at / cols);
          return all[(row - (row % 3) + 2 - (row % 3)) * cols + (at % cols)]!;
        }),
    }),
  },
  {
    name: "D x is forgotten",
    caughtBy: results("ssd"),
    layers: faulty(named("ssd"), { change: (call) => other(call, "D", () => 0) }),
  },
  {
    name: "the initial state is taken for 0",
    caughtBy: "layers: pieces › f32: retention",
    layers: faulty(named("retention"), {
      change: ({ options }) => ({ options: { ...options, initialState: undefined } }),
    }),
  },
];
