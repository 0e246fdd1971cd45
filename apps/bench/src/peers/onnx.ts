import {
  linearAttentionModel,
  openRuntime,
  PEERS,
  softmaxAttentionModel,
  type Feeds,
  type PeerName,
  type Runtime,
} from "@dlrt/peers";
import {
  counted,
  messageOf,
  type LayerContender,
  type LayerProblem,
  type Missing,
} from "../harness/index.js";
import { remoteRun } from "./remote.js";

function feedsOf({ tokens, heads, K, V, past, ...arrays }: LayerProblem): Feeds {
  const rows = (["query", "key", "value", "decay", "beta"] as const).flatMap((name) => {
    const data = arrays[name];
    return data ? [[name, { data, dims: [1, tokens, data.length / tokens] }] as const] : [];
  });
  return { ...Object.fromEntries(rows), ...(past && { past_state: { data: past, dims: [1, heads, K, V] } }) };
}

const rules = { delta: "delta", gated: "gated_delta", kda: "gated_delta" };

/** The operator as a model, and its inputs. Softmax attention takes query, key and value only; it keeps T×T numbers a head. */
export function modelOf(problem: LayerProblem): { model: Uint8Array; feeds: Feeds } {
  const { layer, heads } = problem;
  const feeds = feedsOf(problem);
  if (layer === "softmax") {
    const { query, key, value } = feeds;
    const rows = { query: query!, key: key!, value: value! };
    return { model: softmaxAttentionModel(rows, heads), feeds: rows };
  }
  const attributes = { update_rule: rules[layer], q_num_heads: heads, kv_num_heads: heads };
  return { model: linearAttentionModel(feeds, attributes, "com.microsoft"), feeds };
}

/** From so many bytes on, the web build overflows. */
const WEB_WEIGHTS = 2 ** 29;

/** Why it does not take this work; undefined where it does. */
export function onnxRefusal(
  peer: PeerName,
  { task, layer, tokens, heads }: LayerProblem,
): string | undefined {
  if (task === "training") return "no gradients";
  if (layer !== "softmax") return undefined;
  if (task === "decoding") return "softmax attention is timed over prompts only";
  const bytes = 4 * heads * tokens ** 2;
  return peer === "onnxruntime-web" && bytes >= WEB_WEIGHTS ? "T×T weights of 512 MiB and more" : undefined;
}

function contender(runtime: Runtime, name: string, how: string): LayerContender {
  return {
    name,
    kind: "peer",
    build: `${runtime.version}, com.microsoft, ${how}`,
    refuses: (problem) => onnxRefusal(runtime.name, problem),
    open(problem) {
      const { model, feeds } = modelOf(problem);
      return remoteRun(runtime.load(model, feeds), {
        times: (calls) => runtime.call(calls),
        read: async () => {
          const { output, present_state: state } = await runtime.outputs();
          return state ? [output!.data, state.data] : [output!.data];
        },
        close: () => undefined,
      });
    },
    dispose: async () => runtime.close(),
  };
}

/** Opens both runtimes with each number of threads, a process each; what was not fetched comes back with the reason. */
export async function openOnnx(threads: readonly number[]): Promise<(LayerContender | Missing)[]> {
  const found: (LayerContender | Missing)[] = [];
  for (const peer of Object.keys(PEERS) as PeerName[]) {
    for (const count of threads) {
      const name = count === 1 ? peer : `${peer} ×${count}`;
      try {
        const runtime = await openRuntime(peer, { threads: count });
        found.push(
          contender(runtime, name, `${counted(runtime.threads, "thread")}, in a process of its own`),
        );
      } catch (error) {
        found.push({ name, reason: messageOf(error) });
        break;
      }
    }
  }
  return found;
}
