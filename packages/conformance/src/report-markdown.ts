import type { Dtype } from "@dlrt/core";
import { worstOf } from "./report-text.js";
import type { Report } from "./report.js";
import { markdownText } from "./text.js";

/**
 * Prints backends side by side as a Markdown table, with a column for each dtype of each: the worst ω, or that a
 * promise held. Markup in what a backend says is escaped.
 */
export function reportMarkdown(reports: readonly Report[]): string {
  const columns = reports.flatMap((report) => report.backend.dtypes.map((dtype) => ({ report, dtype })));
  const operations = [...new Set(reports.flatMap(({ rows }) => rows.map(({ operation }) => operation)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = operations.map((operation) =>
    line([operation, ...columns.map(({ report, dtype }) => cellOf(report, operation, dtype))]),
  );
  const totals = reports.map(
    ({ backend, passed, failures, notRun, cases }) =>
      `${markdownText(`${backend.name} (${backend.build})`)}: ${passed} tests passed, ${failures.length} failed, ${notRun.length} not run; ${cases} cases.`,
  );
  return [
    line([
      "worst ω, in ε",
      ...columns.map(({ report, dtype }) => markdownText(`${report.backend.name} ${dtype}`)),
    ]),
    line(["---", ...columns.map(() => "---:")]),
    ...table,
    "",
    ...totals,
  ].join("\n");
}

function cellOf({ rows }: Report, operation: string, dtype: Dtype): string {
  const row = rows.find((one) => one.operation === operation && (one.dtype ?? dtype) === dtype);
  if (row === undefined) return "not run";
  return worstOf(row);
}
