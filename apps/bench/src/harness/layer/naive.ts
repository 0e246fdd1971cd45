import { NO_SOFTMAX, timed, type LayerContender } from "./contender.js";
import type { LayerProblem } from "./problem.js";

interface Arrays {
  /** [T, H·V] */
  readonly output: Float32Array;
  /** [H, K, V] */
  readonly state: Float32Array;
}

/** S ← diag(e^g) S, one factor or one a row. */
function decayed(s: Float32Array, V: number, g: Float32Array): void {
  for (let i = 0; i * V < s.length; i++) {
    const factor = Math.exp(g[g.length === 1 ? 0 : i]!);
    for (let j = i * V; j < (i + 1) * V; j++) s[j] = factor * s[j]!;
  }
}

/** to = scale · Sᵀx */
function read(s: Float32Array, x: Float32Array, scale: number, to: Float64Array): void {
  to.fill(0);
  const V = to.length;
  for (let i = 0; i < x.length; i++) {
    const xi = scale * x[i]!;
    for (let j = 0; j < V; j++) to[j] = to[j]! + xi * s[i * V + j]!;
  }
}

/** The recurrence as one writes it down, head by head and token by token. */
function recurrence(problem: LayerProblem, { output, state }: Arrays): void {
  const { tokens, heads, K, V, query, key, value, beta, decay, past } = problem;
  if (past) state.set(past);
  else state.fill(0);
  const gates = decay ? decay.length / (tokens * heads) : 0;
  const sum = new Float64Array(V);
  for (let h = 0; h < heads; h++) {
    const s = state.subarray(h * K * V, (h + 1) * K * V);
    for (let t = 0; t < tokens; t++) {
      const row = t * heads + h;
      if (decay) decayed(s, V, decay.subarray(row * gates, (row + 1) * gates));
      const k = key.subarray(row * K, (row + 1) * K);
      read(s, k, 1, sum);
      for (let j = 0; j < V; j++) sum[j] = beta[row]! * (value[row * V + j]! - sum[j]!);
      for (let i = 0; i < K; i++) {
        const ki = k[i]!;
        for (let j = 0; j < V; j++) s[i * V + j] = s[i * V + j]! + ki * sum[j]!;
      }
      read(s, query.subarray(row * K, (row + 1) * K), 1 / Math.sqrt(K), sum);
      output.set(sum, row * V);
    }
  }
}

export const naiveLayer: LayerContender = {
  name: "naive-js",
  kind: "peer",
  build: "token by token on typed arrays",
  refuses: ({ task, layer }) =>
    task === "training" ? "no gradients" : layer === "softmax" ? NO_SOFTMAX : undefined,
  open(problem) {
    const { tokens, heads, K, V } = problem;
    const output = new Float32Array(tokens * heads * V).fill(Number.NaN);
    const state = new Float32Array(heads * K * V).fill(Number.NaN);
    const call = (): void => recurrence(problem, { output, state });
    return {
      call,
      times: (calls) => timed(call, calls),
      read: async () => [output, state],
      close: () => undefined,
    };
  },
  dispose: async () => undefined,
};
