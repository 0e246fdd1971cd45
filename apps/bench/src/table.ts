import { Table } from "console-table-printer";
import type { Phases } from "./gpu/phases.js";
import type { CaseReport, Report, Row } from "./report.js";
import type { Ratio } from "./stats.js";
import type { SeedCheck } from "./seed-check.js";
import { decayWords } from "./workload/decay-kinds.js";

export const WIDTH = 100;

export function figures(x: number, digits = 3): string {
  if (x !== 0 && (Math.abs(x) >= 1e6 || Math.abs(x) < 1e-3)) return x.toExponential(digits - 1);
  return Math.abs(x) >= 10 ** digits ? x.toFixed(0) : x.toPrecision(digits);
}

const orInfinite = (x: number | null): string => (x === null ? "∞ or NaN" : figures(x));

/** Continues long lines with an indent, so that nothing is wider than a terminal. */
export function wrap(text: string, indent = "  ", width: number = WIDTH): string {
  const lines: string[] = [];
  let line = "";
  const [, margin, words] = /^( *)(.*)$/.exec(text)!;
  for (const word of words!.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line = line === "" ? margin + word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}

/** The lines above a table's first row. */
const HEADER_LINES = 3;

export function draw(
  columns: readonly (readonly [string, "left" | "right"])[],
  rows: readonly Line[],
  colour: boolean,
): string {
  const table = new Table({
    columns: columns.map(([name, alignment]) => ({ name, alignment })),
    // Its colours are white on whatever the terminal's background is.
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

function timed({ ms, gflops, ofCeiling, speedup }: Row, baseline: string): Record<string, string> {
  return {
    ms: figures(ms!.median),
    "± MAD": ms!.samples.length > 1 ? figures(ms!.mad, 2) : "",
    "GF/s": figures(gflops!),
    "of peak": ofCeiling === undefined ? "" : `${Math.round(100 * ofCeiling)} %`,
    [`× ${baseline}`]: speedup ? interval(speedup) : "",
  };
}

function tableLine(row: Row, baseline: string): Line {
  const { name, status, error } = row;
  const bad = status === "wrong" || status === "failed";
  const word = bad ? status.toUpperCase() : status === "skipped" ? "–" : "";
  const cells = { "": name, ms: word, "error / ε": error ? orInfinite(error.value) : "" };
  return { cells: row.ms ? { ...cells, ...timed(row, baseline) } : cells, bad };
}

const samples = (count: number): string => (count === 1 ? "1 sample" : `${count} samples`);

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
      row.ms && samples(row.ms.samples.length),
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
  const columns = [
    ["", "left"],
    ["ms", "right"],
    ["± MAD", "right"],
    ["GF/s", "right"],
    ["of peak", "right"],
    ["error / ε", "right"],
    [`× ${baseline}`, "right"],
  ] as const;
  const title =
    `${operation}, ${workload}, ${dtype}: n = ${n}, r = ${r}, p = ${p}, ${batch} ${batch === 1 ? "head" : "heads"}` +
    (chunk === null ? "" : `, chunk ${chunk}`) +
    (decayed && `, ${decayed}`);
  return [
    title,
    wrap(`  ${about}`),
    draw(
      columns,
      rows.map((row) => tableLine(row, baseline)),
      colour,
    ),
    ...notes(rows),
  ].join("\n");
}

export function seedTable(checks: readonly SeedCheck[], colour: boolean): string {
  const columns = [
    ["", "left"],
    ["dtype", "left"],
    ["program", "left"],
    ["norm", "right"],
    ["error / ε", "right"],
    ["result", "left"],
  ] as const;
  const lines = checks.map(({ name, dtype, program, status, norm, error, reason }) => ({
    cells: {
      "": name,
      dtype,
      program: program === "inverse" ? "inverse, ‖YT − I‖" : "product, ‖TY − V‖",
      norm: norm === undefined ? "" : orInfinite(norm),
      "error / ε": error ? orInfinite(error.value) : "",
      result:
        status === "ok" ? "right" : `${status.toUpperCase()}${reason ? `: ${reason.slice(0, 30)}` : ""}`,
    },
    bad: status !== "ok",
  }));
  return [
    "The article's two programs: Q, K, V = randn(n, d)/√d, Λ = I, n = 1000, d = 100, chunk 200",
    draw(columns, lines, colour),
  ].join("\n");
}

const LEGEND = [
  "ms: median time of a call, and the median absolute deviation. GF/s: 4·n·r·p·heads flops per solve over it.",
  "of peak: that over what arithmetic in registers reached in this run: JavaScript's for js and the peers, " +
    "WebAssembly SIMD's times threads for wasm.",
  "error / ε: componentwise backward error ω against float64; more than the limit (16) is wrong and gets no time.",
  "×: how many times as fast, with a 95 % interval.",
];

/** All that `bench` prints. */
export function render(report: Report, colour: boolean): string {
  const { machine, versions, peaks, seed, cases, missing, seconds } = report;
  const parts = [
    wrap(
      `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${versions["node"]}; ` +
        `peak in registers: JS ${figures(peaks.js)} GF/s` +
        (peaks.wasm.f32
          ? `, wasm ${figures(peaks.wasm.f32)} (f32) and ${figures(peaks.wasm.f64 ?? 0)} (f64)`
          : ""),
    ),
  ];
  if (seed.length > 0) parts.push(seedTable(seed, colour));
  for (const one of cases) parts.push(caseTable(one, colour));
  if (missing.length > 0) {
    parts.push(
      ["Not run:", ...missing.map(({ name, reason }) => wrap(`  ${name}: ${reason}`, "    "))].join("\n"),
    );
  }
  parts.push(LEGEND.map((text) => wrap(text)).join("\n"), `${Math.round(seconds)} s`);
  return parts.join("\n\n");
}
