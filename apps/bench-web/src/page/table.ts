import {
  decayWords,
  LAYER_WORDS,
  TASK_WORDS,
  type CaseReport,
  type Ratio,
  type RecurrentName,
  type Row,
  type TaskName,
} from "@dlrt/bench/harness";
import { element } from "./dom.js";
import { isLayer } from "./request.js";
import { counted, epsilons, figures, interval, short, time } from "./format.js";

/** What an error is called; solves and products have ω. */
const measureOf = ({ operation }: CaseReport): string =>
  operation === "inverse" || operation === "trilInverse" || isLayer(operation) ? "error" : "ω";

/** "gated delta rule, one token", or "solve, text" */
export function workOf({ operation, workload }: CaseReport): string {
  if (!isLayer(operation)) return `${operation}, ${workload}`;
  const [layer, task] = operation.split(", ") as [RecurrentName, TaskName];
  return `${LAYER_WORDS[layer]}, ${TASK_WORDS[task]}`;
}

export function titleOf(report: CaseReport): string {
  const { operation, dtype, sizes, chunk } = report;
  const { batch, n, r } = sizes;
  const work = `${workOf(report)}, ${dtype}`;
  if (isLayer(operation)) return `${work}: T = ${n}, D = ${r}, heads = ${batch}`;
  const decayed = decayWords(report);
  const tail = decayed && `, ${decayed}`;
  return `${work}: n = ${n}, d = ${r}, heads = ${batch}, chunk ${chunk ?? "auto"}${tail}`;
}

const cell = (label: string, ...children: (Node | string)[]): HTMLTableCellElement =>
  element("td", { "data-label": label }, ...children);

function spoken(row: Row, about: CaseReport): string {
  if (row.status === "wrong") {
    const { value, limit } = row.error!;
    return `WRONG: ${measureOf(about)} = ${epsilons(value)}, at most ${epsilons(limit)} is right. No time.`;
  }
  return `${row.status === "failed" ? "failed" : "not run"}: ${row.reason ?? ""}`;
}

/** "2.1× (1.9–2.3)"; a narrow screen hides the interval. */
function timesOf(speedup: Ratio): (Node | string)[] {
  const ends = interval(speedup);
  const value = `${figures(speedup.value)}×`;
  return ends === "" ? [value] : [value, element("span", { class: "interval" }, ` (${ends})`)];
}

function line(row: Row, about: CaseReport): HTMLTableRowElement {
  const name = element("th", { scope: "row" }, row.name);
  if (row.build !== row.name) name.append(element("small", {}, row.build));
  if (row.note?.includes("software")) name.append(element("span", { class: "badge" }, "software"));
  const tr = element("tr", { class: row.status, "data-name": row.name }, name);
  if (row.status !== "ok") {
    tr.append(element("td", { colspan: 5, class: "verdict" }, spoken(row, about)));
    return tr;
  }
  const { value } = row.error!;
  tr.append(
    cell("time", time(row.ms!)),
    // `gflops` of a link is by the median of six figures, so it is so here too.
    cell("GF/s", figures(about.flops / short(row.ms!.median) / 1e6)),
    cell("of peak", row.ofCeiling === undefined ? "–" : `${Math.round(100 * short(row.ofCeiling))} %`),
    cell(measureOf(about), `${epsilons(value)} ✓`),
    cell(
      `× ${about.baseline}`,
      ...(row.name === about.baseline ? ["baseline"] : row.speedup ? timesOf(row.speedup) : ["–"]),
    ),
  );
  return tr;
}

/** One case: times of right answers only, the rest says why it has none. */
export function tableOf(report: CaseReport, open: boolean): HTMLElement {
  const limit = report.rows.find(({ error }) => error !== undefined)?.error!.limit;
  const measure = measureOf(report) + (limit === undefined ? "" : `, ≤ ${epsilons(limit)}`);
  const heads = ["backend", "time", "GF/s", "of peak", measure, `× ${report.baseline}`];
  const head = element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name)));
  const { n } = report.sizes;
  const title = element("summary", {}, element("h3", {}, counted(n, "token")));
  const about = [titleOf(report), report.about].filter(Boolean).join("; ");
  return element(
    "details",
    { class: "case", "data-n": n, open },
    title,
    element("p", { class: "about" }, about),
    element(
      "table",
      {},
      element("thead", {}, head),
      element("tbody", {}, ...report.rows.map((row) => line(row, report))),
    ),
  );
}
