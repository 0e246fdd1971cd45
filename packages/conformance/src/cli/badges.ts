import { markdownText } from "../text.js";
import { reportMarkdown } from "../report-markdown.js";
import { SKIPPED, type Report } from "../report.js";

/** Draws how many cases passed, failed or were not supported and, below that, the worst ω of each operation. */
export function badges(report: Report): string {
  const { backend, passed, failures, notRun, cases, seed } = report;
  const skipped = notRun.filter(({ why }) => why === SKIPPED).length;
  const cells = [
    markdownText(`${backend.name} (${backend.build})`),
    `${failures.length > 0 ? "" : "✅ "}${passed}`,
    `${failures.length > 0 ? "❌ " : ""}${failures.length}`,
    String(notRun.length - skipped),
    String(skipped),
    String(cases),
    String(seed),
  ];
  return [
    "| backend | passed | failed | not supported | skipped | cases | seed |",
    "|---|---:|---:|---:|---:|---:|---:|",
    `| ${cells.join(" | ")} |`,
    "",
    reportMarkdown([report]),
    ...failures.map(({ name }) => `\nFailed: ${markdownText(name)}`),
    "",
  ].join("\n");
}
