import type { CaseReport } from "@dlrt/bench/harness";
import { figures } from "../page/format.js";
import { headlineOf, inWords, largestRight } from "../page/headline.js";
import { colorOf } from "../page/points.js";

/** A result as a picture that is shown beside a link. */
export interface Card {
  readonly work: string;
  readonly headline: string;
  readonly under: string;
  /** Fastest first. */
  readonly bars: readonly { readonly name: string; readonly ms: number; readonly color: string }[];
  readonly foot: string;
}

const MOST_BARS = 7;

/** Of the headline's case; undefined where none of ours had a right answer. */
export function cardOf(cases: readonly CaseReport[], foot: string): Card | undefined {
  const [largest, headline] = [largestRight(cases), headlineOf(cases)];
  if (largest === undefined || headline === undefined) return undefined;
  const { work, name, time, size, times, right } = headline;
  const timed = largest.rows.flatMap((row) => (row.ms ? [{ name: row.name, ms: row.ms.median }] : []));
  const bars = timed.toSorted((a, b) => a.ms - b.ms).slice(0, MOST_BARS);
  return {
    work: `${work}: ${size}`,
    headline: `${name} ${time}`,
    under: [times, right].filter(Boolean).join(", "),
    bars: bars.map((bar) => ({ ...bar, name: inWords(bar.name), color: colorOf(bar.name) })),
    foot,
  };
}

/** What sites show beside a link. */
export const CARD = { width: 1200, height: 630 } as const;
const [EDGE, RULER] = [64, 330];
const INK = { ground: "#fbfbf9", text: "#1c1e22", soft: "#5a606b", accent: "#1b5fc1" } as const;

type Context = CanvasRenderingContext2D;

interface Style {
  readonly size: number;
  readonly color: string;
  readonly weight?: number;
  readonly width?: number;
  readonly align?: CanvasTextAlign;
}

/** Words on one line, set smaller until they fit. */
function words(
  context: Context,
  text: string,
  at: readonly [x: number, y: number],
  { size, color, weight = 400, width = CARD.width - 2 * EDGE, align = "left" }: Style,
): void {
  const set = (px: number): void => {
    context.font = `${weight} ${px}px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif`;
  };
  set(size);
  const needed = context.measureText(text).width;
  if (needed > width) set(Math.floor((size * width) / needed));
  context.textAlign = align;
  context.fillStyle = color;
  context.fillText(text, ...at);
}

function drawBars(context: Context, { bars }: Card, top: number, bottom: number): void {
  const line = Math.min(52, (bottom - top) / bars.length);
  const most = Math.max(...bars.map(({ ms }) => ms));
  const room = CARD.width - EDGE - RULER - 150;
  for (const [index, { name, ms, color }] of bars.entries()) {
    const y = top + index * line;
    const length = Math.max(3, (room * ms) / most);
    context.fillStyle = color;
    context.fillRect(RULER, y + 6, length, line - 12);
    const middle = y + line / 2 + 8;
    const fit = { size: 24, width: RULER - EDGE - 18, align: "right" } as const;
    words(context, name, [RULER - 18, middle], { ...fit, color: INK.text });
    words(context, `${figures(ms)} ms`, [RULER + length + 14, middle], { size: 24, color: INK.soft });
  }
}

export function drawCard(context: Context, card: Card): void {
  context.textBaseline = "alphabetic";
  context.fillStyle = INK.ground;
  context.fillRect(0, 0, CARD.width, CARD.height);
  context.fillStyle = INK.accent;
  context.fillRect(0, 0, CARD.width, 10);
  words(context, "DiagLowRankTril: linear attention in JavaScript", [EDGE, 72], {
    size: 26,
    color: INK.accent,
    weight: 600,
  });
  words(context, card.headline, [EDGE, 158], { size: 76, color: INK.text, weight: 700 });
  words(context, card.under, [EDGE, 212], { size: 36, color: INK.text });
  words(context, card.work, [EDGE, 256], { size: 26, color: INK.soft });
  drawBars(context, card, 286, 572);
  words(context, card.foot, [EDGE, 604], { size: 20, color: INK.soft });
}

/** The picture as a file. @throws (rejects with) Error where the browser makes none */
export async function pngOf(card: Card): Promise<Blob> {
  const canvas = Object.assign(document.createElement("canvas"), CARD);
  drawCard(canvas.getContext("2d")!, card);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("this browser makes no picture");
  return blob;
}
