import { barX, dot, line, plot, ruleX, ruleY, text, type Data } from "@observablehq/plot";
import type { CaseReport } from "@dlrt/bench/harness";
import { element } from "./dom.js";
import { against, bars, common, FONT } from "./frames.js";
import { pointsOf, toldOf, type Point } from "./points.js";
import { figures } from "./format.js";
import { decades, spread } from "./ticks.js";
import { workOf } from "./table.js";

const tip = { tip: { fontSize: FONT, lineHeight: 1.25 } } as const;
const title = toldOf;

function timeChart(points: readonly Point[], width: number, single: boolean): Element {
  const timed = points.filter(({ ms }) => ms !== undefined);
  const about = "Time of a call in milliseconds";
  if (single) {
    const label = { x: "ms", y: "name", text: ({ ms }: Point) => figures(ms!), dx: 5 } as const;
    return bars(timed, width, about, { zero: true }, [
      barX(timed as Data, { x: "ms", y: "name", fill: "name", insetTop: 5, insetBottom: 5, title, ...tip }),
      text(timed as Data, { ...label, textAnchor: "start", fill: "currentColor" }),
    ]);
  }
  const all = timed.map(({ ms }) => ms!);
  const ends = [Math.min(...all) * 0.7, Math.max(...all) * 1.4] as const;
  const at = { x: "n", y: "ms", stroke: "name", z: "name" } as const;
  return against(timed, width, `${about} against the size`, ends, [
    line(timed as Data, at),
    dot(timed as Data, { ...at, symbol: "name", r: 4.5, strokeWidth: 2, title, ...tip }),
  ]);
}

const BAD = "var(--bad)";
const DASHES = { stroke: BAD, strokeDasharray: "5 4" } as const;

function errorChart(points: readonly Point[], width: number, single: boolean): Element {
  const judged = points.filter(({ error }) => error !== undefined && error > 0);
  const limit = Math.max(...judged.filter(({ ours }) => ours).map((point) => point.limit), 1);
  const [right, wrong] = [false, true].map((is) => judged.filter((point) => point.wrong === is) as Data);
  const about = "Error of the answer in ε";
  const ends = [
    Math.min(0.1, ...judged.map(({ error }) => error!)),
    Math.max(100, ...judged.map(({ error }) => error! * 2)),
  ] as const;
  const cross = { symbol: "times", stroke: BAD, r: 6, strokeWidth: 3, title, ...tip } as const;
  const own = { stroke: "name", symbol: "name", r: 4.5, strokeWidth: 2, title, ...tip } as const;
  if (single) {
    const at = { x: "error", y: "name" } as const;
    const ticks = spread(decades(...ends), width / 2); // the names take some of the rest
    const scale = { type: "log", domain: [...ends], ticks, tickFormat: figures } as const;
    return bars(judged, width, about, scale, [
      ruleX([limit], DASHES),
      dot(right!, { ...at, ...own }),
      dot(wrong!, { ...at, ...cross }),
    ]);
  }
  const at = { x: "n", y: "error", z: "name" } as const;
  const words = { frameAnchor: "right", dy: -8, fill: BAD, textAnchor: "end" } as const;
  return against(judged, width, `${about} against the size`, ends, [
    ruleY([limit], DASHES),
    text([limit], { y: (value: number) => value, text: () => "wrong above this line", ...words }),
    line(right!, { ...at, stroke: "name" }),
    dot(right!, { ...at, ...own }),
    dot(wrong!, { ...at, ...cross }),
  ]);
}

function figure(heading: string, about: string, chart: Element): HTMLElement {
  const caption = element("figcaption", {}, element("h3", {}, heading), about);
  return element("figure", { class: "chart" }, caption, chart);
}

/** The colours and marks of the lines, once for both charts. */
function legend(points: readonly Point[]): HTMLElement {
  const scales = plot({
    ...common(points, 100),
    marks: [dot(points as Data, { stroke: "name", symbol: "name" })],
  });
  const drawn = scales.legend("symbol", { style: { fontSize: `${FONT}px`, background: "none" } });
  return element("div", { class: "lines" }, drawn!);
}

const GAP = 24;

/** Both charts of what is measured so far, side by side where there is room. */
export function drawCharts(cases: readonly CaseReport[], into: HTMLElement): void {
  const points = pointsOf(cases);
  const single = new Set(points.map(({ n }) => n)).size === 1;
  const width = into.clientWidth > 760 ? (into.clientWidth - GAP) / 2 : into.clientWidth;
  const work = cases[0] === undefined ? "" : `${workOf(cases[0])}, ${cases[0].dtype}`;
  const figures: HTMLElement[] = single || points.length === 0 ? [] : [legend(points)];
  if (points.some(({ ms }) => ms !== undefined)) {
    figures.push(figure("Milliseconds a call", `${work}; lower is better`, timeChart(points, width, single)));
  }
  if (points.some(({ error }) => error !== undefined)) {
    const about = single ? "right up to the dashed line" : "every answer is judged before it gets a time";
    figures.push(figure("Error of the answer, in ε", about, errorChart(points, width, single)));
  }
  into.replaceChildren(...figures);
}
