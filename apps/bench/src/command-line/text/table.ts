import { Table } from "console-table-printer";
import wrapAnsi from "wrap-ansi";
import { figures, type Ratio } from "../../harness/index.js";

/** The columns of a page that is no terminal: a file or a pipe. */
const WIDTH = 80;

/** An error, where null stands for what is not finite. */
export const orInfinite = (x: number | null): string => (x === null ? "∞ or NaN" : figures(x));

/** Breaks a text at the terminal's width; its further lines start with `indent`, its first keeps its own margin. */
export function wrap(text: string, indent = "  "): string {
  const [, margin, words] = /^( *)(.*)$/s.exec(text)!;
  const width = (process.stdout.columns ?? WIDTH) - Math.max(margin!.length, indent.length);
  const lines = wrapAnsi(words!, Math.max(width, 1)).split("\n");
  return lines.map((line, index) => (index === 0 ? margin : indent) + line).join("\n");
}

/** Why some have no time: one line for all that give the same reason. */
export function reasons(rows: readonly { readonly name: string; readonly reason?: string }[]): string[] {
  const by = new Map<string, string[]>();
  for (const { name, reason } of rows) {
    if (reason !== undefined) by.set(reason, [...(by.get(reason) ?? []), name]);
  }
  return [...by].map(([reason, names]) => wrap(`  ${names.join(", ")}: ${reason}`, "    "));
}

/** The lines above a table's first row. */
const HEADER_LINES = 3;

/** Draws a table; a bad line is red where there may be colour. @param left the columns that are not aligned to the right; default the first */
export function draw(
  columns: readonly string[],
  rows: readonly Line[],
  colour: boolean,
  left: readonly string[] = columns.slice(0, 1),
): string {
  const table = new Table({
    columns: columns.map((name) => ({ name, alignment: left.includes(name) ? "left" : "right" })),
    // The library's own colours are white, whatever the terminal's background is.
    shouldDisableColors: true,
  });
  for (const { cells } of rows) table.addRow({ ...cells });
  const lines = table.render().split("\n");
  const red = (index: number): boolean => colour && rows[index - HEADER_LINES]?.bad === true;
  return lines.map((line, index) => (red(index) ? `\u001b[31m${line}\u001b[39m` : line)).join("\n");
}

export interface Line {
  readonly cells: Readonly<Record<string, string>>;
  readonly bad: boolean;
}

/** 3.21 [3.10–3.35] */
export function interval({ value, low, high }: Ratio): string {
  return low === undefined ? figures(value) : `${figures(value)} [${figures(low, 2)}–${figures(high!, 2)}]`;
}
