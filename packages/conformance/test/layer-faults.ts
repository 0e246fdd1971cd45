/** Right layers with one thing wrong. Each fault is one that was made somewhere, or that a fused layer invites. */
import { elements, faulty, like, named, spoil, type LayerCall, type LayerFault } from "./faulty-layers.js";

const stateHeads = ({ options: { heads } }: LayerCall): number => {
  const { query, key = query, value = key } = heads;
  return Math.max(key, value);
};

/** An input with other elements. */
const other = (
  { backend, inputs }: LayerCall,
  name: string,
  change: (value: number, at: number, of: { readonly all: Float64Array; readonly cols: number }) => number,
) => {
  const all = elements(inputs[name]!);
  const cols = inputs[name]!.shape[2];
  return {
    inputs: {
      ...inputs,
      [name]: like(backend, inputs[name]!, (value, at) => change(value, at, { all, cols })),
    },
  };
};

/** Columns of head `from(h)` where those of head h belong. */
const heads = (call: LayerCall, name: string, count: number, from: (h: number) => number) =>
  other(call, name, (_, at, { all, cols }) => {
    const width = cols / count;
    const [row, h, i] = [Math.floor(at / cols), Math.floor((at % cols) / width), at % width];
    return all[row * cols + from(h) * width + i]!;
  });

/** What is masked away is multiplied by it. */
const NOTHING: number = 0;

/** One token later than they belong. */
const late = (call: LayerCall, name: string) =>
  other(call, name, (_, at, { all, cols }) => all[at - cols] ?? 0);

const results = (layer: string): string => `layers: results › f32: ${layer}`;
const gradients = (layer: string): string => `layers: gradients › f32: ${layer}`;
const gdn = named("gatedDeltaRule");

const forward: readonly LayerFault[] = [
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

const sequences: readonly LayerFault[] = [
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

const backward: readonly LayerFault[] = [
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

/** Off by less than a measured gate allows: what the exact class and the figure for a model's data are for. */
const slight: readonly LayerFault[] = [
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

export const layerFaults: readonly LayerFault[] = [...forward, ...sequences, ...backward, ...slight];
