import { createJsBackend } from "@dlrt/backend-js";
import { readView } from "@dlrt/core/backend";
import { all, errorOf, inputsOf, upload } from "./layers.js";

/**
 * The worst error of each layer in f32, of output and final state, relative to the largest element: data like a model's,
 * 252 tokens, 2 heads, K = V = 64, keys and queries of length 1, gates from −1 to 0, three seeds.
 */
export function worstErrors(): readonly (readonly [name: string, error: number])[] {
  const heads = { query: 2, key: 2, value: 2 };
  const normalizeKeys = { eps: 1e-6 };
  const problem = { batch: 1, tokens: 252, heads, keyWidth: 64, valueWidth: 64, normalizeKeys };
  return all.map((layer) => {
    let worst = 0;
    for (const seed of [1, 2, 3]) {
      const backend = createJsBackend();
      const arrays = inputsOf(layer, problem, "typical", seed);
      const expected = layer.reference(problem, arrays);
      const tensors = upload(backend, layer, problem, arrays, "f32");
      const got = layer.forward(backend, tensors, { heads, normalizeKeys, finalState: true });
      const errors = [
        errorOf(readView(got.output), expected.output),
        errorOf(readView(got.finalState!), expected.finalState),
      ];
      worst = Math.max(worst, ...errors);
    }
    return [layer.name, worst] as const;
  });
}
