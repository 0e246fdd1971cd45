import { dot, lineY, text, type Markish } from "@observablehq/plot";
import type { NamedFit, ScalingReport } from "../scaling/index.js";
import { captionOf, FOOT, HEAD, labelOf, svg } from "./svg.js";

/** Colours that can be told apart as lines, and read as words, on a white ground. */
const COLOURS = ["#b35c00", "#1f6fb4", "#6f42c1", "#00805c", "#6e7781", "#a40e26", "#8a6d00", "#c2388d"];
const LINE = 20;
const LEFT = 68;
const RIGHT = 270;
const PANEL = 300;
/** The pixels above the panels, for their names. */
const NAMES = 26;

/** The table beside the panels: the colour and the exponents of every contender. */
function table(
  labels: ReadonlyMap<string, string>,
  sweeps: readonly string[],
  fits: readonly NamedFit[],
): Markish[] {
  const place = { frameAnchor: "top-right", lineAnchor: "top", facet: "super" } as const;
  const cell = (words: string, column: number, row: number, style: object): Markish => {
    const [textAnchor, dx] = column === 0 ? (["start", 16] as const) : (["end", 132 + 60 * column] as const);
    return text([words], { ...place, ...style, textAnchor, dx, dy: row * LINE - NAMES });
  };
  const heads = ["time ~ nᵉ, e =", ...sweeps].map((head, at) => cell(head, at, 0, { fontWeight: "bold" }));
  const rows = [...labels].flatMap(([name, label], row) => {
    const style = { fill: COLOURS[row % COLOURS.length]! };
    const exponents = sweeps.map((sweep, at) => {
      const fit = fits.find((one) => one.sweep === sweep && one.name === name);
      return cell(fit ? fit.exponent.toFixed(2) : "–", at + 1, row + 1, style);
    });
    return [cell(`● ${label}`, 0, row + 1, style), ...exponents];
  });
  return [...heads, ...rows];
}

/** Time against n, both logarithmic, a panel for each operation; undefined where nothing has a time. */
export function growthChart(report: ScalingReport): string | undefined {
  const timed = report.points.filter(({ sweep, ms }) => sweep !== "chunk" && ms !== undefined);
  if (timed.length === 0) return undefined;
  const sizes = [...new Set(timed.map(({ n }) => n))].sort((a, b) => a - b);
  const sweeps = [...new Set(timed.map(({ sweep }) => sweep))];
  const labels = new Map(timed.map((point) => [point.name, labelOf(point)]));
  const at = { x: "n", y: "ms", fx: "sweep" } as const;
  const words = {
    title: "Time of a call against n",
    about:
      "Both axes are logarithmic, so a power of n is a straight line, and its exponent e the slope: with e = 1 twice\n" +
      "the rows take twice as long, with e = 2 four times, with e = 3 eight times. Lower is faster.",
    caption: `${captionOf(report)}. ${report.workload}, f32, d = ${report.d}`,
  };
  return svg(words, {
    ...{ marginLeft: LEFT, marginRight: RIGHT, marginTop: HEAD + NAMES },
    height: HEAD + NAMES + PANEL + FOOT,
    // Every other size, for more do not fit side by side, and not the first, which would meet the panel before.
    x: { type: "log", label: "n, rows of T", ticks: sizes.filter((_, i) => i % 2 === 1), tickFormat: String },
    y: { type: "log", label: "ms", labelAnchor: "center", labelOffset: 46, tickFormat: String },
    fx: { domain: sweeps, label: null },
    color: { domain: [...labels.keys()], range: COLOURS },
    grid: true,
    marks: [
      lineY(timed, { ...at, stroke: "name", strokeWidth: 1.5 }),
      dot(timed, { ...at, fill: "name", r: 3 }),
      ...table(labels, sweeps, report.fits),
    ],
  });
}
