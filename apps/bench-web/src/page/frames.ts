import { plot, type Markish, type PlotOptions } from "@observablehq/plot";
import { figures } from "./format.js";
import { colorOf, symbolOf, type Point } from "./points.js";
import { decades, spread } from "./ticks.js";

/** The size of the letters, in pixels. */
export const FONT = 13;
/** The height of a chart in pixels, on a phone and where there is more room. */
const [LOW, HIGH] = [205, 250];
const NARROW = 480;
/** The height of a bar's line, in pixels. */
const LINE = 30;
/** Room for half of the last size's figures, in pixels. */
const RIGHT = 30;
/** Returns the pixels that the longest of these words takes beside an axis, with its tick. */
const room = (words: readonly string[]): number => 14 + 8 * Math.max(...words.map(({ length }) => length));

const namesOf = (points: readonly Point[]): string[] => [...new Set(points.map(({ name }) => name))];

export function common(points: readonly Point[], width: number): PlotOptions {
  const names = namesOf(points);
  return {
    ...{ width, marginRight: RIGHT, marginTop: 14, marginBottom: 40, grid: true },
    style: { background: "none", fontSize: `${FONT}px` },
    color: { domain: names, range: names.map(colorOf) },
    symbol: { domain: names, range: names.map(symbolOf) },
  };
}

/** Against the size, both axes logarithmic; the ends of a scale lie inside the frame. */
export function against(
  points: readonly Point[],
  width: number,
  ariaLabel: string,
  [low, high]: readonly [number, number],
  marks: readonly Markish[],
): Element {
  const sizes = [...new Set(points.map(({ n }) => n))].sort((a, b) => a - b);
  const ticks = decades(low, high);
  const marginLeft = room(ticks.map(figures));
  return plot({
    ...common(points, width),
    ...{ marginLeft, height: width < NARROW ? LOW : HIGH, ariaLabel, marks: [...marks] },
    x: {
      type: "log",
      label: "tokens, or rows of T →",
      ticks: spread(sizes, width - marginLeft - RIGHT),
      tickFormat: (n: number) => n.toLocaleString("en"),
    },
    y: { type: "log", label: null, domain: [low, high], ticks, tickFormat: figures },
  });
}

/** A bar for each contender, where there is only one size. */
export function bars(
  points: readonly Point[],
  width: number,
  ariaLabel: string,
  x: PlotOptions["x"],
  marks: readonly Markish[],
): Element {
  const names = namesOf(points);
  const marginLeft = room(names);
  return plot({
    ...common(points, width),
    ...{ height: 54 + LINE * names.length, marginLeft, marginRight: 70, ariaLabel, marks: [...marks] },
    x: { label: null, ...x },
    y: { label: null, domain: names, tickSize: 0, grid: false },
  });
}
