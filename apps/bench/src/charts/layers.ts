import { dot, lineY, text, type Markish } from "@observablehq/plot";
import type { LayerCase, LayerReport } from "../harness/index.js";
import { FIT_SIZES, fitExponent } from "../scaling/index.js";
import { captionOf, FOOT, HEAD, labelOf, svg } from "./svg.js";

/** Warm colours for ours, cold ones for others; all can be read as words on a white ground. */
const COLOURS = ["#b35c00", "#a40e26", "#1f6fb4", "#00805c", "#6f42c1", "#6e7781", "#8a6d00", "#c2388d"];
const LINE = 20;
const [LEFT, RIGHT, PANEL] = [68, 330, 320];
/** The pixels from the frame to where exponents end. */
const EXPONENT = RIGHT - 10;

const LAYERS = { delta: "delta rule", gated: "gated delta rule", kda: "KDA", softmax: "softmax attention" };

interface Point {
  readonly line: string;
  readonly tokens: number;
  readonly ms: number;
}

/** Least times of prompts, from arrays to arrays, of one thread: what has two lengths at least makes a line. */
function pointsOf(cases: readonly LayerCase[]): Point[] {
  const all = cases.flatMap(({ task, layer, tokens, rows }) =>
    task !== "prefill"
      ? []
      : rows.flatMap((row) =>
          row.ms === undefined || / (×\d+|resident)/.test(row.name)
            ? []
            : [{ line: `${LAYERS[layer]}, ${labelOf(row)}`, tokens, ms: row.ms.min }],
        ),
  );
  const lengths = (line: string): number =>
    new Set(all.filter((point) => point.line === line).map(({ tokens }) => tokens)).size;
  return all.filter(({ line }) => lengths(line) > 1);
}

function legend(lines: readonly string[], points: readonly Point[]): Markish[] {
  const place = { frameAnchor: "top-right", lineAnchor: "top" } as const;
  const cell = (words: string, start: boolean, row: number, fill: string, fontWeight = "normal"): Markish =>
    text([words], {
      ...place,
      ...{ fill, fontWeight, dy: row * LINE, dx: start ? 16 : EXPONENT, textAnchor: start ? "start" : "end" },
    });
  const rows = lines.flatMap((line, at) => {
    const own = points.filter((point) => point.line === line);
    const pairs = own.map(({ tokens, ms }) => [tokens, ms] as const);
    const fitted = new Set(pairs.map(([tokens]) => tokens)).size >= FIT_SIZES;
    const exponent = fitted ? fitExponent(pairs).exponent.toFixed(2) : "–";
    const colour = COLOURS[at % COLOURS.length]!;
    return [cell(`● ${line}`, true, at + 1, colour), cell(exponent, false, at + 1, colour)];
  });
  return [cell("time ~ Tᵉ, e =", false, 0, "#1f2328", "bold"), ...rows];
}

/** Time of a prompt against its length, both logarithmic; undefined where no line has two lengths, or sizes differ. */
export function layerChart(report: LayerReport): string | undefined {
  const points = pointsOf(report.cases);
  if (points.length === 0) return undefined;
  const sizes = new Set(report.cases.map(({ heads, K, V }) => `${heads} heads of ${K}/${V}`));
  if (sizes.size > 1) return undefined;
  const lines = [...new Set(points.map(({ line }) => line))];
  const lengths = [...new Set(points.map(({ tokens }) => tokens))].sort((a, b) => a - b);
  const at = { x: "tokens", y: "ms" } as const;
  const words = {
    title: "Time of a prompt against its length T",
    about:
      "A layer with a state takes time in proportion to T, softmax attention in proportion to T²: lines of slope 1\n" +
      "and 2 where both axes are logarithmic. Least times of calls from arrays to arrays, one thread. Lower is faster.",
    caption: `${captionOf(report)}. ${[...sizes][0]}, f32`,
  };
  return svg(words, {
    ...{ marginLeft: LEFT, marginRight: RIGHT, marginTop: HEAD, height: HEAD + PANEL + FOOT },
    x: { type: "log", label: "T, tokens", ticks: lengths, tickFormat: String },
    y: { type: "log", label: "ms", labelAnchor: "center", labelOffset: 46, tickFormat: String },
    color: { domain: lines, range: COLOURS },
    grid: true,
    marks: [
      lineY(points, { ...at, stroke: "line", strokeWidth: 1.5 }),
      dot(points, { ...at, fill: "line", r: 3 }),
      ...legend(lines, points),
    ],
  });
}
