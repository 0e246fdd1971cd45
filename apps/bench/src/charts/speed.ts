import { barX, text, tickX, type Markish } from "@observablehq/plot";
import { counted, decayWords, figures, type CaseReport, type Report, type Row } from "../harness/index.js";
import { captionOf, FOOT, HEAD, isSoftware, labelOf, MARGIN, svg } from "./svg.js";

/** One contender's line. Keys, which name the lines from top to bottom, differ between cases; labels need not. */
interface Bar {
  readonly key: string;
  readonly label: string;
  readonly colour: string;
  readonly gflops: number;
  /** The peak of its engine in registers, 10⁹ flops/s, where that was measured. */
  readonly peak?: number;
  /** The figures beside the bar. */
  readonly speed: string;
  readonly ratio: string;
  readonly error: string;
}

interface Group {
  readonly key: string;
  readonly heading: string;
  readonly bars: readonly Bar[];
}

const COLOURS = { backend: "#2f7fc1", software: "#a9cdea", peer: "#9aa2ab" };
const LINE = 22;
const LEFT = 150;
const RIGHT = 200;

function barOf(row: Row, gflops: number, at: number): Bar {
  const { name, kind, ofCeiling, speedup, error } = row;
  return {
    key: `${at} ${name}`,
    label: labelOf(row),
    colour: COLOURS[kind === "backend" && isSoftware(row) ? "software" : kind],
    gflops,
    ...(ofCeiling !== undefined && { peak: gflops / ofCeiling }),
    speed: figures(gflops),
    ratio: speedup ? figures(speedup.value) : "",
    error: typeof error?.value === "number" ? figures(error.value, 2) : "",
  };
}

function headingOf(report: CaseReport): string {
  const { workload, dtype, sizes, chunk } = report;
  const { batch, n, r, p } = sizes;
  const width = r === p ? `d = ${r}` : `r = ${r}, p = ${p}`;
  const rows = chunk === null ? "" : `, chunk ${chunk}`;
  const decayed = decayWords(report);
  const tail = rows + (decayed && `, ${decayed}`);
  return `n = ${n}, ${counted(batch, "head")}, ${width}, ${dtype}, ${workload}${tail}`;
}

/** The cases and their bars. Only what has a time has a bar: what was wrong, failed or was spared has none. */
function groupsOf(cases: readonly CaseReport[]): Group[] {
  return cases
    .map((one, at) => ({
      key: `${at}`,
      heading: headingOf(one),
      bars: one.rows.flatMap((row) => (row.gflops === undefined ? [] : [barOf(row, row.gflops, at)])),
    }))
    .filter(({ bars }) => bars.length > 0);
}

/** A column of figures in the right margin, its name above it. */
function column(bars: readonly Bar[], field: keyof Bar, name: string, dx: number): Markish[] {
  const place = { textAnchor: "end", dx, fontVariant: "tabular-nums" } as const;
  return [
    text(bars, { ...place, frameAnchor: "right", y: "key", text: field }),
    text([name], { ...place, frameAnchor: "top-right", lineAnchor: "bottom", dy: -4, fontWeight: "bold" }),
  ];
}

function marks(groups: readonly Group[], bars: readonly Bar[], floor: number, baseline: string): Markish[] {
  const peaked = bars.filter(({ peak }) => peak !== undefined);
  const start = { frameAnchor: "left", y: "key" } as const;
  const heading = { text: "heading", textAnchor: "start", dx: MARGIN - LEFT, fontWeight: "bold" } as const;
  return [
    barX(bars, { x1: floor, x2: "gflops", y: "key", fill: "colour", insetTop: 2, insetBottom: 2 }),
    tickX(peaked, { x: "peak", y: "key", stroke: "#1f2328", strokeWidth: 2 }),
    text(bars, { ...start, text: "label", textAnchor: "end", dx: -8 }),
    text(groups, { ...start, ...heading, stroke: "#ffffff", fill: "#1f2328" }),
    ...column(bars, "speed", "GF/s", 48),
    ...column(bars, "ratio", `× ${baseline}`, 130),
    ...column(bars, "error", "ω / ε", 182),
  ];
}

/** The speed of every contender in the cases of one operation; undefined where nothing has a time. */
export function speedChart(report: Report, operation: CaseReport["operation"]): string | undefined {
  const cases = report.cases.filter((one) => one.operation === operation);
  const groups = groupsOf(cases);
  const bars = groups.flatMap((group) => group.bars);
  if (bars.length === 0) return undefined;
  // A logarithmic bar has no natural foot: the decade below the slowest, so that this one has a length too.
  const floor = 10 ** Math.floor(Math.log10(Math.min(...bars.map(({ gflops }) => gflops)) / 1.25));
  const top = 1.05 * Math.max(...bars.map(({ gflops, peak = 0 }) => Math.max(gflops, peak)));
  const lines = groups.flatMap((group) => [group.key, ...group.bars.map(({ key }) => key)]);
  const pale = bars.some(({ colour }) => colour === COLOURS.software) ? " (pale: a software device)" : "";
  const limit = cases.flatMap(({ rows }) => rows.map(({ error }) => error?.limit)).find(Number);
  const words = {
    title: `Speed of ${operation}: longer is better`,
    about:
      `Blue: this library's backends${pale}. Grey: what else one could use. Black mark: the register peak,\n` +
      `which is what arithmetic in registers reached in the same run. ω: the error; more than ${limit} ε is wrong.`,
    caption: captionOf(report),
  };
  const label = "GF/s: 10⁹ useful flops per second, logarithmic";
  return svg(words, {
    ...{ marginLeft: LEFT, marginRight: RIGHT, marginTop: HEAD + LINE },
    height: HEAD + LINE * (lines.length + 1) + FOOT,
    x: { type: "log", domain: [floor, top], label, grid: true, tickFormat: String },
    y: { type: "band", domain: lines, axis: null, padding: 0 },
    color: { type: "identity" },
    marks: marks(groups, bars, floor, cases[0]!.baseline),
  });
}
