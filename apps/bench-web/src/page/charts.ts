import { dot, line, plot, ruleY, text, type PlotOptions } from "@observablehq/plot";
import type { CaseReport } from "@dlrt/bench/dist/report.js";
import { element } from "./dom.js";
import { figures } from "./format.js";
import { workOf } from "./table.js";

interface Point {
  readonly n: number;
  readonly name: string;
  readonly ms: number | undefined;
  /** In ε. */
  readonly error: number | undefined;
  readonly wrong: boolean;
  readonly limit: number;
}

/** Told apart on light and dark ground, and by their symbols too. */
const STYLES: readonly (readonly [name: RegExp, color: string, symbol: string])[] = [
  [/^js/, "#d98200", "circle"],
  [/^wasm relaxed ×/, "#c25fd0", "asterisk"],
  [/^wasm relaxed/, "#1f5fbf", "diamond2"],
  [/^wasm ×/, "#8f7bef", "times"],
  [/^wasm/, "#2f9be0", "plus"],
  [/^webgpu/, "#00966b", "triangle"],
  [/^naive/, "#8a8f98", "square"],
  [/^/, "#d7263d", "star"],
];

const styleOf = (name: string) => STYLES.find(([pattern]) => pattern.test(name))!;

function pointsOf(cases: readonly CaseReport[]): Point[] {
  return cases.flatMap(({ sizes, rows }) =>
    rows.map(({ name, note, ms, error, status }) => ({
      ...{
        n: sizes.n,
        name: note?.includes("software") ? `${name} (software)` : name,
        ms: ms?.median,
        wrong: status === "wrong",
        limit: error?.limit ?? 16,
      },
      error: error === undefined ? undefined : (error.value ?? undefined),
    })),
  );
}

function figure(title: string, about: string, chart: Element): HTMLElement {
  const caption = element("figcaption", {}, element("h3", {}, title), about);
  return element("figure", { class: "chart" }, caption, chart as HTMLElement);
}

function common(points: readonly Point[], width: number): PlotOptions {
  const names = [...new Set(points.map(({ name }) => name))];
  const domain = [...new Set(points.map(({ n }) => n))];
  return {
    ...{ width, height: 260, marginLeft: 52, marginBottom: 38, grid: true },
    style: { background: "none", fontSize: "12px" },
    color: { domain: names, range: names.map((name) => styleOf(name)[1]) },
    symbol: { domain: names, range: names.map((name) => styleOf(name)[2]), legend: true },
    x: {
      type: domain.length > 1 ? "log" : "point",
      label: "n, rows of T or tokens →",
      ticks: domain,
      tickFormat: String,
    },
  };
}

function timeChart(points: readonly Point[], width: number): Element {
  const timed = points.filter(({ ms }) => ms !== undefined);
  const at = { x: "n", y: "ms", stroke: "name", z: "name" } as const;
  return plot({
    ...common(points, width),
    ariaLabel: "Time of a call in milliseconds against n",
    y: { type: "log", label: "↑ ms per call", tickFormat: figures },
    marks: [line(timed, at), dot(timed, { ...at, symbol: "name", r: 4, strokeWidth: 2, tip: true })],
  });
}

function errorChart(points: readonly Point[], width: number): Element {
  const judged = points.filter(({ error }) => error !== undefined && error > 0);
  const limit = Math.max(...judged.map((point) => point.limit));
  const at = { x: "n", y: "error", stroke: "name", z: "name" } as const;
  const right = judged.filter(({ wrong }) => !wrong);
  const wrong = judged.filter((point) => point.wrong);
  return plot({
    ...common(points, width),
    ariaLabel: "Error of the answer in ε against n",
    y: {
      type: "log",
      label: "↑ error in ε",
      domain: [0.1, Math.max(100, ...judged.map(({ error }) => error!))],
      tickFormat: figures,
    },
    marks: [
      ruleY([limit], { stroke: "var(--bad)", strokeDasharray: "5 4" }),
      text([limit], {
        y: (d: number) => d,
        frameAnchor: "right",
        dy: -7,
        fill: "var(--bad)",
        text: () => "wrong above this line",
        textAnchor: "end",
      }),
      line(right, at),
      dot(right, { ...at, symbol: "name", r: 4, strokeWidth: 2, tip: true }),
      dot(wrong, { ...at, symbol: "times", stroke: "var(--bad)", r: 6, strokeWidth: 3, tip: true }),
    ],
  });
}

/** Both charts of what is measured so far. */
export function drawCharts(cases: readonly CaseReport[], into: HTMLElement): void {
  const points = pointsOf(cases);
  const gap = 24;
  const full = into.clientWidth;
  const width = full > 760 ? (full - gap) / 2 : full;
  const about = cases[0] === undefined ? "" : `${workOf(cases[0])}, ${cases[0].dtype}`;
  const figures: HTMLElement[] = [];
  if (points.some(({ ms }) => ms !== undefined)) {
    figures.push(
      figure("Time against n", `${about}; both axes logarithmic. Lower is better.`, timeChart(points, width)),
    );
  }
  if (points.some(({ error }) => error !== undefined)) {
    figures.push(
      figure(
        "Accuracy against n",
        `${about}; every answer is judged before it gets a time.`,
        errorChart(points, width),
      ),
    );
  }
  into.replaceChildren(...figures);
}
