// A model of one layer between projections, and its loss. jax-js differentiates what is before and after the layer, and our Vjp the layer.
import { numpy as np, valueAndGrad, vjp } from "@jax-js/jax";
import { gatedDeltaRule, gatedDeltaRuleVjp } from "@dlrt/linear-attention";
import { through } from "./bridge.mjs";

const sigmoid = (x) => np.reciprocal(np.exp(x.neg()).add(1));

/** Computes the layer's inputs from the parameters and x [1, T, D]. */
function project({ query, key, value, beta, decay }, x) {
  return {
    query: np.matmul(x.ref, query),
    key: np.matmul(x.ref, key),
    value: np.matmul(x.ref, value),
    beta: sigmoid(np.matmul(x.ref, beta)),
    decay: np.log(sigmoid(np.matmul(x, decay).add(2))),
  };
}

/** Computes the loss: the mean of the squares of what the output misses of its target. */
const missed = (weight, mixed, target) => np.mean(np.square(np.matmul(mixed, weight).sub(target)));

const refs = (tree) => Object.fromEntries(Object.entries(tree).map(([name, array]) => [name, array.ref]));

/**
 * Computes the loss and the gradients of all parameters, { output, ...those of `project` }. Parameters and data stay the caller's.
 * @param heads is the number of heads of query, key and value
 */
export async function lossAndGradients(backend, { output, ...front }, { x, target }, heads) {
  const [inputs, pullFront] = vjp((p) => project(p, x.ref), [refs(front)]);
  const call = { backend, layer: gatedDeltaRule, layerVjp: gatedDeltaRuleVjp };
  const options = { heads: { query: heads }, normalizeKeys: true };
  const [mixed, pullLayer] = await through(call, inputs, options);

  const head = valueAndGrad(missed, { argnums: [0, 1] });
  const [loss, [outputGradient, cotangent]] = head(output.ref, mixed, target.ref);

  const [gradients] = pullFront(await pullLayer(cotangent));
  pullLayer.dispose();
  pullFront.dispose();
  return { loss, gradients: { ...gradients, output: outputGradient } };
}
