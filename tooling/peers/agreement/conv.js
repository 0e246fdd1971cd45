// The cases of the operator CausalConvWithState, and how `causalConv` computes them in ONNX's order, (B, C, L).
import { causalConv } from "@dlrt/linear-attention";
import { causalConv as reference } from "@dlrt/linear-attention/reference";
import { randomFrom } from "../../random.mjs";

/** Draws a case: its feeds by the operator's names, as { data, dims }, its attributes and its sizes. */
function conv({ B = 2, C = 4, L = 8, k = 4, bias = false, past = false, activation, seed = 1 }) {
  const random = randomFrom(seed);
  const make = (...dims) => ({
    data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, random),
    dims,
  });
  const feeds = {
    input: make(B, C, L),
    weight: make(C, 1, k),
    ...(bias && { bias: make(C) }),
    ...(past && { past_state: make(B, C, k - 1) }),
  };
  return { feeds, attributes: activation === undefined ? {} : { activation }, shape: { B, C, L, k } };
}

/** The shapes and attributes of ONNX 1.22's node tests for CausalConvWithState-27, by their names. */
const nodeTests = () =>
  [
    ["basic", {}],
    ["with_bias", { bias: true }],
    ["with_past_state", { past: true }],
    ["silu", { activation: "silu" }],
    ["swish_alias", { activation: "swish" }],
    ["decode_step", { L: 1, bias: true, past: true }],
    ["kernel_size_one", { k: 1 }],
    ["with_bias_and_past_state", { bias: true, past: true }],
    ["silu_with_past_state", { activation: "silu", past: true }],
    ["b1_c1_degenerate", { B: 1, C: 1, L: 6 }],
    ["short_input_no_past_state", { L: 2, k: 5 }],
  ].map(([name, own], at) => ({ name, ...conv({ ...own, seed: 700 + at }) }));

/** Cases of lengths around the taps and up to that of a prompt, with every input and activation there is. */
const everyLength = () =>
  [0, 1, 2, 3, 4, 5, 64, 252].flatMap((L) =>
    [2, 4, 7].map((k) => ({
      name: `L = ${L}, k = ${k}`,
      ...conv({ C: 48, L, k, bias: true, past: true, activation: "silu", seed: 10 * L + k }),
    })),
  );

export const convGroups = [
  { name: "`causalConv`", domain: "com.microsoft", cases: everyLength },
  {
    name: "ONNX's node tests of the convolution, as `com.microsoft`",
    domain: "com.microsoft",
    cases: nodeTests,
  },
  { name: "ONNX's node tests of the convolution, as opset 27", domain: "", cases: nodeTests },
];

/** Computes a case by `causalConv` on a backend. The results have the operator's names. */
export async function ourConv(backend, { feeds, attributes }) {
  const { input, weight, bias, past_state: past } = feeds;
  const [C] = weight.dims;
  const upload = ({ data }, shape) => backend.upload({ data, shape });
  const inputs = {
    x: upload(input, input.dims),
    weight: upload(weight, weight.dims),
    ...(bias && { bias: upload(bias, [1, 1, C]) }),
  };
  const initialState = past && upload(past, past.dims);
  const options = { ...attributes, layout: "bct", initialState, finalState: true };
  const { output, finalState } = causalConv(backend, inputs, options);
  const answer = { output: await backend.read(output), present_state: await backend.read(finalState) };
  for (const t of [...Object.values(inputs), initialState, output, finalState]) t?.dispose();
  return answer;
}

/** Returns an array (B, C, L) as (B, L, C); with C and L exchanged, the other way. */
function turned(x, [, C, L]) {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at++) {
    const [b, c, t] = [Math.floor(at / (C * L)), Math.floor(at / L) % C, at % L];
    out[(b * L + t) * C + c] = x[at];
  }
  return out;
}

/** Computes a case by the definition in float64. */
export function exactConv({ feeds, attributes, shape: { B, C, L, k } }) {
  const { input, weight, bias, past_state: past } = feeds;
  const activation = attributes.activation === "swish" ? "silu" : attributes.activation;
  const { output, finalState } = reference(
    { batch: B, tokens: L, channels: C, taps: k, activation },
    {
      x: turned(input.data, [B, C, L]),
      weight: Float64Array.from(weight.data),
      bias: bias && Float64Array.from(bias.data),
      initialState: past && turned(past.data, [B, C, k - 1]),
    },
  );
  return { output: turned(output, [B, L, C]), present_state: turned(finalState, [B, k - 1, C]) };
}
