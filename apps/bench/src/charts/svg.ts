import { plot, text, type Markish, type PlotOptions } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { counted, type Environment } from "../harness/index.js";

/** Lines of text around a chart. */
export interface Words {
  readonly title: string;
  /** How to read it, in two lines. */
  readonly about: string;
  /** Where and when it was measured. */
  readonly caption: string;
}

const WIDTH = 760;
const LINE = 17;
/** The pixels left of all words. */
export const MARGIN = 17;
/** The pixels above the frame, for title and `about`. */
export const HEAD = 85;
/** The pixels below the frame, for the axis, its label and the caption. */
export const FOOT = 76;

/** Names the machine, its Node, the day and the commit, as every report tells them. */
export function captionOf({ machine, versions, commit, started }: Environment & { started: string }): string {
  const { cpu, cores, platform } = machine;
  const parts = [cpu, counted(cores, "core"), platform, `Node ${versions["node"]}`];
  const state = commit === null ? [] : [`commit ${commit.slice(0, 8)}`];
  return `${parts.join(", ")}; ${[started.slice(0, 10), ...state].join(", ")}`;
}

export const isSoftware = ({ note }: { note?: string }): boolean => note?.includes("software") === true;

/** A software device's figures say nothing of a GPU, so it is never shown by its name alone. */
export function labelOf(contender: { name: string; note?: string }): string {
  return isSoftware(contender) ? `${contender.name} (software)` : contender.name;
}

function words({ title, about, caption }: Words, left: number, top: number): Markish[] {
  const place = { textAnchor: "start", dx: MARGIN - left, facet: "super" } as const;
  const above = { ...place, frameAnchor: "top-left", lineAnchor: "top" } as const;
  const below = { ...place, frameAnchor: "bottom-left", lineAnchor: "bottom", dy: FOOT - LINE / 2 } as const;
  return [
    text([title], { ...above, dy: LINE - top, fontSize: 16, fontWeight: "bold" }),
    text([about], { ...above, dy: 2.5 * LINE - top, lineHeight: 1.4, fill: "#57606a" }),
    text([caption], { ...below, fill: "#57606a" }),
  ];
}

interface Options extends PlotOptions {
  readonly marginLeft: number;
  readonly marginTop: number;
  readonly marks: Markish[];
}

/**
 * A chart as the text of an SVG file, the same bytes for the same input. It has a ground of its own, since a file
 * shown as an image does not learn which theme the page around it has.
 */
export function svg(about: Words, options: Options): string {
  const { document } = parseHTML("<html></html>");
  const { marginLeft, marginTop, marks } = options;
  const element = plot({
    ...options,
    ...{ document, width: WIDTH, marginBottom: FOOT, ariaLabel: about.title },
    x: { labelAnchor: "center", labelOffset: 38, ...options.x },
    style: { background: "#ffffff", color: "#1f2328", fontSize: "12px" },
    marks: [...marks, ...words(about, marginLeft, marginTop)],
  });
  // Plot sets the namespace through the DOM, which linkedom does not write out.
  element.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${element.outerHTML}\n`;
}
