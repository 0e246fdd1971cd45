import {
  counted,
  decayWords,
  figures,
  isBad,
  type CaseReport,
  type Phases,
  type Row,
  type SeedCheck,
} from "../../harness/index.js";
import { draw, orInfinite, wrap, type Line } from "./table.js";

function timed({ ms, gflops, ofCeiling, speedup }: Row): Record<string, string> {
  return {
    ms: figures(ms!.median),
    "±": ms!.samples.length > 1 ? figures(ms!.mad, 2) : "",
    "GF/s": figures(gflops!),
    "of peak": ofCeiling === undefined ? "" : `${Math.round(100 * ofCeiling)} %`,
    ...(speedup && { "×": figures(speedup.value) }), // an empty cell would make the column appear
  };
}

function tableLine(row: Row): Line {
  const { name, status, error } = row;
  const bad = isBad(row);
  const word = bad ? status.toUpperCase() : status === "skipped" ? "–" : "";
  const cells = { "": name, ms: word, "error / ε": error ? orInfinite(error.value) : "" };
  return { cells: row.ms ? { ...cells, ...timed(row) } : cells, bad };
}

/** upload 1.20 ms, compute 3.10 ms (timestamps), readback 0.900 ms */
function parted({ upload, compute, computeBy, readback }: Phases): string {
  const ms = [upload, compute, readback].map((x) => `${figures(x)} ms`);
  return `upload ${ms[0]}, compute ${ms[1]} (${computeBy}), readback ${ms[2]}`;
}

function notes(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const parts = [
      row.build === row.name ? undefined : row.build,
      row.note,
      row.reason,
      row.ms && counted(row.ms.samples.length, "sample"),
      row.speedup?.low !== undefined && `× ${figures(row.speedup.low, 2)}–${figures(row.speedup.high!, 2)}`,
      row.phases && parted(row.phases),
      row.ofCeilingWithChunk &&
        `${Math.round(100 * row.ofCeilingWithChunk)} % of peak with the chunk's own flops`,
    ];
    return wrap(`  ${row.name}: ${parts.filter(Boolean).join("; ")}`, "    ");
  });
}

export function caseTable(report: CaseReport, colour: boolean): string {
  const { workload, operation, dtype, sizes, about, rows, baseline, chunk } = report;
  const { batch, n, r, p } = sizes;
  const decayed = decayWords(report);
  const rated = rows.some(({ speedup }) => speedup !== undefined);
  const columns = ["", "ms", "±", "GF/s", "of peak", "error / ε", ...(rated ? ["×"] : [])];
  const title =
    `${operation}, ${workload}, ${dtype}: n = ${n}, r = ${r}, p = ${p}, ${counted(batch, "head")}` +
    (chunk === null ? "" : `, chunk ${chunk}`) +
    (decayed && `, ${decayed}`);
  return [
    wrap(title),
    wrap(`  ${about}`),
    draw(columns, rows.map(tableLine), colour),
    ...(rated ? [`  ×: times as fast as ${baseline}`] : []),
    ...notes(rows),
  ].join("\n");
}

const SEED = "The article's two programs: Q, K, V = randn(n, d)/√d, Λ = I, n = 1000, d = 100, chunk 200";

/** The lines where every answer is right: on whom, and the worst error of each dtype. */
function seedLines(checks: readonly SeedCheck[]): string {
  const most = (dtype: string, program: string): string =>
    figures(
      Math.max(...checks.flatMap((c) => (c.dtype === dtype && c.program === program ? c.norm! : []))),
      2,
    );
  const names = [...new Set(checks.map(({ name }) => name))];
  const dtypes = [...new Set(checks.map(({ dtype }) => dtype))];
  const worst = dtypes.map(
    (dtype) => `  ${dtype}: ‖YT − I‖ ≤ ${most(dtype, "inverse")}, ‖TY − V‖ ≤ ${most(dtype, "product")}`,
  );
  return [wrap(SEED), ...worst, wrap(`  right on ${names.join(", ")}`, "    ")].join("\n");
}

/** Draws a line for each answer, but only where one of them is not right. */
export function seedTable(checks: readonly SeedCheck[], colour: boolean): string {
  if (checks.every(({ status }) => status === "ok")) return seedLines(checks);
  const columns = ["", "dtype", "program", "norm", "error / ε", "result"];
  const lines = checks.map(({ name, dtype, program, status, norm, error }) => ({
    cells: {
      "": name,
      dtype,
      program: program === "inverse" ? "inverse, ‖YT − I‖" : "product, ‖TY − V‖",
      norm: norm === undefined ? "" : orInfinite(norm),
      "error / ε": error ? orInfinite(error.value) : "",
      result: status === "ok" ? "right" : status.toUpperCase(),
    },
    bad: status !== "ok",
  }));
  const reasons = checks.flatMap(({ name, dtype, program, reason }) =>
    reason === undefined ? [] : wrap(`  ${name}, ${dtype}, ${program}: ${reason}`, "    "),
  );
  return [wrap(SEED), draw(columns, lines, colour, ["", "dtype", "program", "result"]), ...reasons].join(
    "\n",
  );
}
