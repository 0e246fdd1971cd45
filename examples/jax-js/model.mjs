// One layer between projections, and a loss: jax-js differentiates what is before and after, we what is between.
import { numpy as np, valueAndGrad, vjp } from "@jax-js/jax";
import { gatedDeltaRule, gatedDeltaRuleVjp } from "@dlrt/linear-attention";
import { through } from "./bridge.mjs";

const sigmoid = (x) => np.reciprocal(np.exp(x.neg()).add(1));

/** Parameters and x [1, T, D] → what the layer takes. */
function project({ query, key, value, beta, decay }, x) {
  return {
    query: np.matmul(x.ref, query),
    key: np.matmul(x.ref, key),
    value: np.matmul(x.ref, value),
    beta: sigmoid(np.matmul(x.ref, beta)),
    decay: np.log(sigmoid(np.matmul(x, decay).add(2))),
  };
}

/** Mean of the squares of what is missed. */
const missed = (weight, mixed, target) => np.mean(np.square(np.matmul(mixed, weight).sub(target)));

const refs = (tree) => Object.fromEntries(Object.entries(tree).map(([name, array]) => [name, array.ref]));

/**
 * Loss and gradients of all parameters, { output, ...those of `project` }; parameters and data stay the caller's.
 * @param heads of query, key and value
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
