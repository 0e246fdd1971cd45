import { draw, figures, wrap, type Line } from "../table.js";
import type { LayerCase, LayerReport, LayerRow } from "./run.js";

export const LAYER_WIDTH = 80;

const folded = (text: string, indent?: string): string => wrap(text, indent, LAYER_WIDTH);

const LAYERS = {
  delta: "delta rule",
  gated: "gated delta rule",
  kda: "Kimi delta attention",
  softmax: "softmax attention",
};
const TASKS = { prefill: "prompt", decoding: "one token", training: "forward and gradients" };

const columns = [
  ["", "left"],
  ["min ms", "right"],
  ["median", "right"],
  ["GF/s", "right"],
  ["error", "right"],
  ["×", "right"],
] as const;

function line({ name, status, error, ms, gflops, speedup }: LayerRow): Line {
  const bad = status === "wrong" || status === "failed";
  const cells = {
    "": name,
    "min ms": ms ? figures(ms.min) : status.toUpperCase(),
    median: ms ? figures(ms.median) : "",
    "GF/s": gflops === undefined ? "" : figures(gflops),
    error: error ? (error.value === null ? "∞ or NaN" : error.value.toExponential(1)) : "",
    "×": speedup === undefined ? "" : figures(speedup),
  };
  return { cells, bad };
}

/** Why some have no time: one line for all that give the same reason. */
function reasons(rows: readonly LayerRow[]): string[] {
  const by = new Map<string, string[]>();
  for (const { name, reason } of rows) {
    if (reason !== undefined) by.set(reason, [...(by.get(reason) ?? []), name]);
  }
  return [...by].map(([reason, names]) => folded(`  ${names.join(", ")}: ${reason}`, "    "));
}

function caseTable(one: LayerCase, colour: boolean): string {
  const { task, layer, tokens, heads, K, V, about, rows, baseline } = one;
  const size = `T = ${tokens}, ${heads} ${heads === 1 ? "head" : "heads"} of ${K}/${V}`;
  return [
    folded(`${LAYERS[layer]}, ${TASKS[task]}: ${size} (${about})`),
    draw(columns, rows.filter(({ status }) => status !== "skipped").map(line), colour),
    ...(baseline === null ? [] : [`  ×: times as fast as ${baseline}`]),
    ...reasons(rows),
  ].join("\n");
}

const LEGEND = [
  "min, median: of single calls, from arrays of the caller's to arrays of the caller's, packed [1, T, H·D]. " +
    "resident: inputs are in the backend already and results stay there.",
  "GF/s: 6·T·heads·K·V flops over the least time, (T + 1)·T·heads·(K + V) of softmax attention. ×: by least times, because onnxruntime's medians pay for " +
    "the outputs it allocates.",
  "error: largest difference from float64 over the largest element, worst of output, state and gradients; " +
    "more than 1e-6 (1e-5 in what is not ours) is wrong and gets no time.",
];

const ONE_TOKEN =
  "One token: the state stays where it is in our backends, is copied once in naive-js and numpy, and goes into " +
  "onnxruntime and out again with every call.";

/** All that `bench layer` prints, within 80 columns. */
export function renderLayers(report: LayerReport, colour: boolean): string {
  const { machine, versions, cases, missing, seconds } = report;
  const who = new Map(cases.flatMap(({ rows }) => rows.map((row) => [row.name, row] as const)));
  const parts = [
    folded(`${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${versions["node"]}`),
    ...cases.map((one) => caseTable(one, colour)),
    [...who.values()]
      .map(({ name, build, note }) => folded(`${name}: ${[build, note].filter(Boolean).join("; ")}`))
      .join("\n"),
  ];
  if (missing.length > 0) {
    const lines = missing.map(({ name, reason }) => folded(`  ${name}: ${reason}`, "    "));
    parts.push(["Not run:", ...lines].join("\n"));
  }
  const legend = cases.some(({ task }) => task === "decoding") ? [...LEGEND, ONE_TOKEN] : LEGEND;
  parts.push(legend.map((text) => folded(text)).join("\n"), `${Math.round(seconds)} s`);
  return parts.join("\n\n");
}
