import { counted, figures, type CaseReport, type Report } from "../../harness/index.js";
import { caseTable, seedTable } from "./case.js";
import { layerTable } from "./layer.js";
import { reasons, wrap } from "./table.js";

const WHY =
  "Layers of linear attention stand in for softmax attention in models such as Qwen3-Next and Kimi-Linear, and a " +
  "triangular system is solved inside each. How long that takes decides how long a prompt does.";

/** What is about to be measured, and why. */
export function opening(layer: boolean): string {
  const work = layer ? "such a layer, then that system alone" : "that system";
  return wrap(
    `${WHY} Measured here: ${work}, on every backend; an answer is checked before it is timed.`,
    "",
  );
}

interface Timed {
  readonly name: string;
  readonly kind: string;
  readonly ms: number;
  readonly error: number;
}

/** The fastest of ours that was right, and how many times as fast it is as plain JavaScript. */
function best(rows: readonly Timed[]): (Timed & { readonly speedup?: number }) | undefined {
  const ours = rows.filter(({ kind, name }) => kind === "backend" && name !== "planted");
  if (ours.length === 0) return undefined;
  const fastest = ours.reduce((a, b) => (b.ms < a.ms ? b : a));
  const naive = rows.find(({ name }) => name === "naive-js");
  return naive ? { ...fastest, speedup: naive.ms / fastest.ms } : fastest;
}

const times = (speedup: number | undefined): string =>
  speedup === undefined ? "" : `, ${figures(speedup, 2)}× plain JavaScript`;

const DONE: Readonly<Record<string, string>> = {
  solve: "solved",
  apply: "multiplied",
  inverse: "inverted",
  trilInverse: "inverted the blocks of",
  solveVjp: "differentiated",
};

function ofCase({ rows, sizes, operation }: CaseReport): string[] {
  const timed = rows.flatMap(({ name, kind, ms, error }) =>
    ms ? [{ name, kind, ms: ms.median, error: error!.value! }] : [],
  );
  const one = best(timed);
  if (one === undefined) return [];
  const work = `${DONE[operation]} ${sizes.n} tokens × ${counted(sizes.batch, "head")} in ${figures(one.ms, 2)} ms`;
  return [`${one.name} ${work}${times(one.speedup)}; the answer is right to ${figures(one.error, 2)} ε.`];
}

/** What can be told to others: a sentence for each piece of work that someone of ours did. */
function closing({ layers = [], cases }: Pick<Report, "layers" | "cases">): string[] {
  const told = layers.flatMap(({ rows, tokens, heads: count }) => {
    const one = best(
      rows.flatMap(({ name, kind, ms, error }) =>
        ms ? [{ name, kind, ms: ms.min, error: error!.value! }] : [],
      ),
    );
    if (one === undefined) return [];
    const work = `took ${tokens} tokens × ${counted(count, "head")} through a gated delta layer in ${figures(one.ms, 2)} ms`;
    return [
      `${one.name} ${work}${times(one.speedup)}; the output is right to ${one.error.toExponential(0)} of its largest number.`,
    ];
  });
  const sentences = [...told, ...cases.flatMap(ofCase)];
  return sentences.length > 0 ? [sentences.map((text) => wrap(text)).join("\n")] : [];
}

const LEGEND = [
  "ms: median time of a call; ±: the median absolute deviation. GF/s: 4·n·r·p·heads flops per solve over it.",
  "of peak: that over what arithmetic in registers reached in this run: JavaScript's for js and the peers, " +
    "WebAssembly SIMD's times threads for wasm.",
  "error / ε: componentwise backward error ω against float64; more than the limit (16) is wrong and gets no time.",
  "×: how many times as fast; below the table its 95 % interval.",
];

const LAYER_LEGEND =
  "A layer: single calls from arrays to arrays, × by least times; error: largest difference of output and state from " +
  "float64, over their largest element, 1e-6 at most. `bench layer` has more.";

/** All that `bench` prints. */
export function render(report: Report, colour: boolean): string {
  const { machine, versions, peaks, seed, layers = [], cases, missing, seconds } = report;
  const parts = [
    wrap(
      `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${versions["node"]}; ` +
        `peak in registers: JS ${figures(peaks.js)} GF/s` +
        (peaks.wasm.f32
          ? `, wasm ${figures(peaks.wasm.f32)} (f32) and ${figures(peaks.wasm.f64 ?? 0)} (f64)`
          : ""),
    ),
  ];
  for (const one of layers) parts.push(layerTable(one, colour));
  for (const one of cases) parts.push(caseTable(one, colour));
  if (seed.length > 0) parts.push(seedTable(seed, colour));
  if (missing.length > 0) parts.push(["Not run:", ...reasons(missing)].join("\n"));
  const legend = layers.length > 0 ? [...LEGEND, LAYER_LEGEND] : LEGEND;
  parts.push(legend.map((text) => wrap(text)).join("\n"), `${Math.round(seconds)} s`, ...closing(report));
  return parts.join("\n\n");
}
