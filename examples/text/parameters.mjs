// What is learned, under the names that flash-linear-attention gives it, one after the other in one array.
import { randomFrom } from "./random.mjs";

/** The sizes of the model; `gate` says whether states decay. */
export const defaults = { width: 96, heads: 3, blocks: 2, hidden: 256, taps: 4, gate: true };

/**
 * Parameters that are one tensor in a pass are neighbours here, as are the projections of one input.
 * @returns {{ tensor: string, shape: number[], parts: [name: string, shape: number[]][] }[]}
 */
export function plan({ size, width, heads, blocks, hidden, taps, gate }) {
  const one = (tensor, shape, name, own) => ({ tensor, shape, parts: [[name, own]] });
  const norm = (tensor, name) => one(tensor, [1, 1, width], name, [width]);
  const perHead = (name) => [name, [heads, width]];
  const block = (i) => {
    const of = `model.layers.${i}.`;
    const square = (name) => [`${of}attn.${name}_proj.weight`, [width, width]];
    const gates = [perHead(`${of}attn.b_proj.weight`), ...(gate ? [perHead(`${of}attn.a_proj.weight`)] : [])];
    const conv = (name) => [`${of}attn.${name}_conv1d.weight`, [width, 1, taps]];
    const mlp = (name) => [`${of}mlp.${name}_proj.weight`, [hidden, width]];
    return [
      norm(`${i}.norm`, `${of}attn_norm.weight`),
      {
        tensor: `${i}.in`,
        shape: [1, 4 * width + gates.length * heads, width],
        parts: [...["q", "k", "v", "g"].map(square), ...gates],
      },
      { tensor: `${i}.conv`, shape: [3 * width, 1, taps], parts: ["q", "k", "v"].map(conv) },
      ...(gate
        ? ["A_log", "dt_bias"].map((name) => one(`${i}.${name}`, [1, 1, heads], `${of}attn.${name}`, [heads]))
        : []),
      one(`${i}.headNorm`, [1, 1, width / heads], `${of}attn.o_norm.weight`, [width / heads]),
      one(`${i}.out`, [1, width, width], ...square("o")),
      norm(`${i}.mlpNorm`, `${of}mlp_norm.weight`),
      { tensor: `${i}.up`, shape: [1, 2 * hidden, width], parts: ["gate", "up"].map(mlp) },
      one(`${i}.down`, [1, width, hidden], `${of}mlp.down_proj.weight`, [width, hidden]),
    ];
  };
  return [
    one("embeddings", [1, size, width], "model.embeddings.weight", [size, width]),
    ...Array.from({ length: blocks }, (_, i) => block(i)).flat(),
    norm("norm", "model.norm.weight"),
    one("head", [1, size, width], "lm_head.weight", [size, width]),
  ];
}

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

/** @returns {{ name: string, shape: number[], from: number, to: number }[]} where every parameter lies in the one array */
export function places(tensors) {
  let to = 0;
  return tensors.flatMap(({ parts }) =>
    parts.map(([name, shape]) => {
      const from = to;
      to += product(shape);
      return { name, shape, from, to };
    }),
  );
}

export const countOf = (tensors) => places(tensors).at(-1).to;

/** How a parameter begins: a function of a normal and a uniform source of random numbers. */
function beginning(name, shape, blocks) {
  const fanIn = shape.at(-1);
  if (name.endsWith("norm.weight")) return () => 1;
  if (name.endsWith("conv1d.weight")) return ({ uniform }) => (2 * uniform() - 1) / Math.sqrt(fanIn);
  if (name.endsWith("A_log")) return ({ uniform }) => Math.log(1 + 15 * uniform());
  if (name.endsWith("dt_bias")) {
    // The inverse of softplus of a step between 0.001 and 0.1, evenly in its logarithm.
    return ({ uniform }) => Math.log(Math.expm1(Math.exp(Math.log(0.001) + uniform() * Math.log(100))));
  }
  if (name === "model.embeddings.weight") return ({ normal }) => normal();
  const writes = /\.(o|down)_proj\./.test(name); // to what the next blocks read: the more of them, the less each
  return ({ normal }) => normal() / Math.sqrt(fanIn * (writes ? 2 * blocks : 1));
}

/** Fills the array as training begins. */
export function initialize(array, tensors, { blocks }, seed) {
  const uniform = randomFrom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  for (const { name, shape, from, to } of places(tensors)) {
    const draw = beginning(name, shape, blocks);
    for (let i = from; i < to; i++) array[i] = draw({ uniform, normal });
  }
}
