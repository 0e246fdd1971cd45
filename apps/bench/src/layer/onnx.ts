import {
  linearAttentionModel,
  openRuntime,
  PEERS,
  type Feeds,
  type PeerName,
  type Runtime,
} from "@dlrt/peers";
import type { Missing } from "../contender.js";
import type { LayerContender } from "./contender.js";
import type { LayerProblem } from "./problem.js";

function feedsOf({ tokens, heads, K, V, past, ...arrays }: LayerProblem): Feeds {
  const rows = (["query", "key", "value", "decay", "beta"] as const).flatMap((name) => {
    const data = arrays[name];
    return data ? [[name, { data, dims: [1, tokens, data.length / tokens] }] as const] : [];
  });
  return { ...Object.fromEntries(rows), ...(past && { past_state: { data: past, dims: [1, heads, K, V] } }) };
}

const rules = { delta: "delta", gated: "gated_delta", kda: "gated_delta" };

function contender(runtime: Runtime, name: string): LayerContender {
  const threads = runtime.threads === 1 ? "1 thread" : `${runtime.threads} threads`;
  return {
    name,
    kind: "peer",
    build: `${runtime.version}, com.microsoft::LinearAttention, ${threads}, in a process of its own`,
    refuses: ({ task }) => (task === "training" ? "no gradients" : undefined),
    open(problem) {
      const feeds = feedsOf(problem);
      const { layer, heads } = problem;
      const attributes = { update_rule: rules[layer], q_num_heads: heads, kv_num_heads: heads };
      const loaded = runtime.load(linearAttentionModel(feeds, attributes, "com.microsoft"), feeds);
      loaded.catch(() => undefined); // told by the first call
      const times = async (calls: number): Promise<number[]> => {
        await loaded;
        return runtime.call(calls);
      };
      return {
        times,
        call: async () => void (await times(1)),
        read: async () => {
          const { output, present_state: state } = await runtime.outputs();
          return [output!.data, state!.data];
        },
        close: () => undefined,
      };
    },
    dispose: async () => runtime.close(),
  };
}

/** Both runtimes with each number of threads, a process each; what was not fetched comes back with the reason. */
export async function openOnnx(threads: readonly number[]): Promise<(LayerContender | Missing)[]> {
  const found: (LayerContender | Missing)[] = [];
  for (const peer of Object.keys(PEERS) as PeerName[]) {
    for (const count of threads) {
      const name = count === 1 ? peer : `${peer} ×${count}`;
      try {
        found.push(contender(await openRuntime(peer, { threads: count }), name));
      } catch (error) {
        found.push({ name, reason: (error as Error).message });
        break;
      }
    }
  }
  return found;
}
