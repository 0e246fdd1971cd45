import { LAYER_WORDS, TASK_WORDS, type LayerCase, type LayerReport } from "@dlrt/bench/harness";
import { figures } from "../page/format.js";
import { inWords, PLAIN, rounded, sizeOf } from "../page/headline.js";
import { colorOf } from "../page/points.js";
import type { Card } from "./card.js";

/** Who stands in the picture: ours with one thread and with several, what else runs in a browser, and the plain loop. */
const SHOWN = /^(js|wasm|wasm ×\d+|onnxruntime-web( ×\d+)?|naive-js)$/;

/** The long prompt through Gated DeltaNet, from a report that `bench layer --save` has kept. @throws Error without one */
export function cardOfSaved({ cases, machine, versions, started }: LayerReport): Card {
  const prompt = cases.find(({ layer, task }) => layer === "gated" && task === "prefill");
  if (prompt === undefined) throw new Error("no prompt through the gated delta rule in this report");
  const timed = prompt.rows.flatMap(({ name, kind, ms, error }) =>
    ms && SHOWN.test(name) ? [{ name, kind, ms: ms.median, error: error!.value! }] : [],
  );
  const bars = timed.toSorted((a, b) => a.ms - b.ms);
  const best = bars.find(({ kind }) => kind === "backend")!;
  const plain = bars.find(({ name }) => name === PLAIN)!;
  const { tokens: n, heads: batch, K: r, V: p } = prompt;
  return {
    work: `${workOf(prompt)}: ${sizeOf({ sizes: { n, batch, r, p } })}`,
    headline: `${best.name} ${figures(best.ms)} ms`,
    under: `${rounded(plain.ms / best.ms)}× plain JavaScript, right to ${rounded(best.error * 2 ** 24)} ε`,
    bars: bars.map(({ name, ms, kind }) => ({
      ...{ name: inWords(name), ms, color: colorOf(kind === "backend" ? name : PLAIN) },
    })),
    foot: `${machine.cpu}, ${machine.cores} cores · Node ${versions["node"]} · ${started.slice(0, 10)}`,
  };
}

const workOf = ({ layer, task }: Pick<LayerCase, "layer" | "task">): string =>
  `${LAYER_WORDS[layer]}, ${TASK_WORDS[task]}, f32`;
