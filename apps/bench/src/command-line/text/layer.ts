import {
  figures,
  counted,
  isBad,
  LAYER_WORDS,
  TASK_WORDS,
  type LayerCase,
  type LayerReport,
  type LayerRow,
} from "../../harness/index.js";
import { IN_PAGE } from "../../peers/index.js";
import { draw, reasons, wrap, type Line } from "./table.js";

const columns = ["", "min ms", "median", "GF/s", "error"];

function line(row: LayerRow): Line {
  const { name, status, error, ms, gflops, speedup } = row;
  const cells = {
    "": name,
    "min ms": ms ? figures(ms.min) : status.toUpperCase(),
    median: ms ? figures(ms.median) : "",
    "GF/s": gflops === undefined ? "" : figures(gflops),
    error: error ? (error.value === null ? "∞ or NaN" : error.value.toExponential(1)) : "",
    ...(speedup !== undefined && { "×": figures(speedup) }), // a cell would make the column
  };
  return { cells, bad: isBad(row) };
}

/** How ours compares with onnxruntime's kernel in the same page, on the same device. */
function inOnePage(rows: readonly LayerRow[]): string[] {
  return ["", " resident"].flatMap((how) => {
    const [onnx, ours] = [IN_PAGE.onnx, IN_PAGE.ours].map(
      (name) => rows.find((row) => row.name === name + how)?.ms,
    );
    if (!onnx || !ours) return [];
    return [
      `  ${IN_PAGE.ours}${how}: ${figures(onnx.min / ours.min)} times as fast as ${IN_PAGE.onnx}${how}`,
    ];
  });
}

export function layerTable(one: LayerCase, colour: boolean): string {
  const { task, layer, tokens, heads, K, V, about, rows, baseline } = one;
  const size = `T = ${tokens}, ${counted(heads, "head")} of ${K}/${V}`;
  return [
    wrap(`${LAYER_WORDS[layer]}, ${TASK_WORDS[task]}: ${size} (${about})`),
    draw(
      baseline === null ? columns : [...columns, "×"],
      rows.filter(({ status }) => status !== "skipped").map(line),
      colour,
    ),
    ...(baseline === null ? [] : [`  ×: times as fast as ${baseline}`]),
    ...inOnePage(rows),
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
  "One token: our backends take a `State` on by a step, in place; naive-js and numpy copy the state once; it goes into " +
  "onnxruntime and out again with every call.";

/** All that `bench layer` prints, within 80 columns. */
export function renderLayers(report: LayerReport, colour: boolean): string {
  const { machine, versions, cases, missing, seconds } = report;
  const who = new Map(cases.flatMap(({ rows }) => rows.map((row) => [row.name, row] as const)));
  const parts = [
    wrap(`${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${versions["node"]}`),
    ...cases.map((one) => layerTable(one, colour)),
    [...who.values()]
      .flatMap(({ name, build, note }) => {
        const words = [build === name ? "" : build, note].filter(Boolean).join("; ");
        return words === "" ? [] : wrap(`${name}: ${words}`);
      })
      .join("\n"),
  ];
  if (missing.length > 0) parts.push(["Not run:", ...reasons(missing)].join("\n"));
  const legend = cases.some(({ task }) => task === "decoding") ? [...LEGEND, ONE_TOKEN] : LEGEND;
  parts.push(legend.map((text) => wrap(text)).join("\n"), `${Math.round(seconds)} s`);
  return parts.filter(Boolean).join("\n\n");
}
