import type { Matrix } from "../protocol.js";

/** A range of rows and columns; the ends are not part of it. */
export interface Region {
  readonly rows: readonly [from: number, to: number];
  readonly cols: readonly [from: number, to: number];
}

export interface Look {
  /** The regions that the step works on, outlined. */
  readonly strong?: readonly Region[];
  /** The regions that are outlined with dashes. */
  readonly dashed?: readonly Region[];
  /** The regions that are not known yet at this step, drawn empty. */
  readonly unknown?: readonly Region[];
}

type Rgb = readonly [number, number, number];

function rgb(canvas: HTMLCanvasElement, property: string): Rgb {
  const [r, g, b] = getComputedStyle(canvas).getPropertyValue(property).trim().split(/\s+/).map(Number);
  return [r ?? 0, g ?? 0, b ?? 0];
}

const css = (color: Rgb): string => `rgb(${color.join(" ")})`;

function mix(from: Rgb, to: Rgb, share: number): string {
  return css([0, 1, 2].map((i) => Math.round(from[i]! + (to[i]! - from[i]!) * share)) as unknown as Rgb);
}

const inside = ({ rows, cols }: Region, i: number, j: number): boolean =>
  i >= rows[0] && i < rows[1] && j >= cols[0] && j < cols[1];

function outline(context: CanvasRenderingContext2D, { rows, cols }: Region, cell: number): void {
  const [height, width] = [rows[1] - rows[0], cols[1] - cols[0]];
  if (height === 0 || width === 0) return;
  context.strokeRect(cols[0] * cell + 1, rows[0] * cell + 1, width * cell - 2, height * cell - 2);
}

/**
 * One square per element: blue below zero, orange above, the ground's colour at zero. Shades go with the square root
 * of |x| / max, so that small ones are seen.
 */
export function drawMatrix(
  canvas: HTMLCanvasElement,
  matrix: Matrix,
  scale: number,
  cell: number,
  look: Look,
): void {
  const { rows, cols, data } = matrix;
  const ratio = Math.max(1, window.devicePixelRatio);
  canvas.width = Math.round(cols * cell * ratio);
  canvas.height = Math.round(rows * cell * ratio);
  canvas.style.width = `${cols * cell}px`;
  canvas.style.aspectRatio = `${cols} / ${rows}`;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const [zero, plus, minus, blank] = ["--zero", "--plus", "--minus", "--blank"].map((name) =>
    rgb(canvas, name),
  );
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const x = data[i * cols + j]!;
      const hidden = look.unknown?.some((region) => inside(region, i, j));
      const share = scale > 0 ? Math.sqrt(Math.min(1, Math.abs(x) / scale)) : 0;
      context.fillStyle = hidden ? css(blank!) : mix(zero!, x < 0 ? minus! : plus!, share);
      context.fillRect(j * cell, i * cell, cell - 1, cell - 1);
    }
  }
  context.lineWidth = 2;
  context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--text");
  for (const region of look.strong ?? []) outline(context, region, cell);
  context.setLineDash([4, 3]);
  for (const region of look.dashed ?? []) outline(context, region, cell);
}

export function largest(...matrices: readonly Matrix[]): number {
  return matrices.reduce((max, { data }) => data.reduce((m, x) => Math.max(m, Math.abs(x)), max), 0);
}
