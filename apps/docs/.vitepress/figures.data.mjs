// The figures of the front page, from the newest saved report of `bench layer` that has them.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const RESULTS = fileURLToPath(new URL("../../bench/results/", import.meta.url));

/** The cases of the figures: a gated layer of Qwen3.5's small models, with 16 heads of 128 × 128, on a prompt and on one token. */
const prefill = { task: "prefill", layer: "gated", tokens: 1024, heads: 16, K: 128, V: 128 };
const decoding = { ...prefill, task: "decoding", tokens: 1 };

const median = (of, name) => {
  const { ms } = of.rows.find((row) => row.name === name && row.status === "ok");
  return ms.median;
};
const rounded = (value) => Number(value.toPrecision(2));

/** Takes the figures from reports. @param reports are as `bench layer --save` wrote them, the newest last @throws Error where none has both cases */
export function figures(reports) {
  for (const { cases, machine, started } of reports.toReversed()) {
    const [prompt, token] = [prefill, decoding].map((wanted) =>
      cases.find((found) => Object.entries(wanted).every(([key, value]) => found[key] === value)),
    );
    if (!prompt || !token) continue;
    return {
      promptMs: rounded(median(prompt, "wasm")),
      promptOrt: rounded(median(prompt, "onnxruntime-web") / median(prompt, "wasm")),
      promptNaive: rounded(median(prompt, "naive-js") / median(prompt, "wasm")),
      tokenMs: rounded(median(token, "wasm")),
      tokenOrt: rounded(median(token, "onnxruntime-web") / median(token, "wasm")),
      error: prompt.rows.find(({ name }) => name === "wasm").error.value.toExponential(1),
      machine: `${machine.cores} cores of ${/^[aeiou]/i.test(machine.cpu) ? "an" : "a"} ${machine.cpu.replace(/\(R\)| Processor/gi, "")}`,
      date: started.slice(0, 10),
    };
  }
  throw new Error("no saved report of `bench layer` has the front page's cases");
}

export default {
  watch: [`${RESULTS}*-layer.json`],
  load: () =>
    figures(
      readdirSync(RESULTS)
        .filter((file) => file.endsWith("-layer.json"))
        .toSorted()
        .map((file) => JSON.parse(readFileSync(`${RESULTS}${file}`, "utf8"))),
    ),
};
