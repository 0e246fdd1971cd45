import type { Report, ReportRow } from "./report.js";
import { visible } from "./text.js";

/** Returns what a row's ω came to: "0.93 ≤ 16", "17.2 > 16", "held", "broken", or "not finite". */
export function worstOf({ worst, limit, failed }: ReportRow): string {
  if (limit === undefined) return failed ? "broken" : "held";
  if (worst === null || worst === undefined) return "not finite";
  return `${worst.toFixed(2)} ${worst <= limit ? "≤" : ">"} ${limit}${failed && worst <= limit ? ", broken" : ""}`;
}

function pad(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

/** Prints a report for a terminal. Control characters in what the backend says are written out, as \u001b. */
export function reportText(report: Report): string {
  const { backend, rows, failures, notRun } = report;
  const head = ["operation", "dtype", "cases", "worst, ε", "where"];
  const lines = rows.map((row) => [
    row.operation,
    row.dtype ?? "",
    String(row.cases),
    worstOf(row),
    row.where ?? "",
  ]);
  const indented = (message: string): string => message.split("\n").map(visible).join("\n  ");
  return [
    `${visible(`${backend.name} (${backend.build})`)}: ${report.passed} tests passed, ${failures.length} failed, ${notRun.length} not run; ` +
      `${report.cases} cases in ${report.seconds.toFixed(1)} s, seed ${report.seed}`,
    ...(backend.fallback === undefined ? [] : [`fallback: ${visible(backend.fallback)}`]),
    ...pad([head, ...lines]),
    ...familyLines(report),
    ...failures.map(({ name, message }) => `FAILED ${visible(name)}\n  ${indented(message)}`),
    ...notRun.map(({ name, why }) => `not run: ${visible(name)} (${visible(why)})`),
  ].join("\n");
}

/** Prints the worst of each family, as lines for a terminal. */
function familyLines({ families }: Report): string[] {
  if (families.length === 0) return [];
  const head = ["family", "dtype", "", "worst, ε", "where"];
  return pad([
    head,
    ...families.map((row) => [
      row.family,
      row.dtype ?? "",
      row.operation,
      worstOf({ ...row, cases: 1 }),
      row.where,
    ]),
  ]);
}
