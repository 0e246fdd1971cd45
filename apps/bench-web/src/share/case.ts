import { LAYER_DECAY, type CaseReport, type RecurrentName, type Row } from "@dlrt/bench/harness";
import type { RunRequest } from "../protocol.js";
import { short } from "../page/format.js";
import { PLAIN } from "../page/headline.js";
import { isLayer } from "../page/request.js";
import { LinkError, type Reader } from "./checks.js";

/** The contenders that a page can measure: a link names no others. */
export const NAMES = /^(js|wasm( relaxed)?( ×[1-9]\d?)?|webgpu|naive-js|planted)$/;
const STATUS = /^(ok|wrong|failed|skipped)$/;
const MOST_ROWS = 12;

function packRow({ name, build, note, status, error, ms, ofCeiling, speedup }: Row): object {
  return {
    name,
    ...(build !== name && { build }),
    ...(note?.includes("software") && { software: 1 }),
    status,
    // An error over every bound is told as one just below the largest double: JSON has no infinity.
    ...(error && { error: short(error.value ?? 1e308), limit: short(error.limit) }),
    ...(ms && { ms: short(ms.median), mad: short(ms.mad) }),
    ...(ofCeiling !== undefined && { peak: short(ofCeiling) }),
    ...(speedup && { times: short(speedup.value) }),
    ...(speedup?.low !== undefined && { low: short(speedup.low), high: short(speedup.high!) }),
  };
}

export const packCase = ({ sizes, flops, baseline, rows }: CaseReport): object => ({
  n: sizes.n,
  flops,
  baseline,
  rows: rows.map(packRow),
});

const kindOf = (name: string): Row["kind"] => (name === PLAIN ? "peer" : "backend");

/** The time of a right answer, and what goes with it. @throws LinkError */
function timed(row: Reader, flops: number): Partial<Row> {
  const median = row.number("ms", 1e-6, 1e7);
  const value = row.has("times") ? row.number("times", 1e-6, 1e6) : undefined;
  const bounds = row.has("low") && {
    low: row.number("low", 0, value!),
    high: row.number("high", value!, 1e9),
  };
  return {
    ms: { median, mad: row.number("mad", 0, 1e7), samples: [] },
    gflops: flops / median / 1e6,
    ...(row.has("peak") && { ofCeiling: row.number("peak", 0, 100) }),
    ...(value !== undefined && { speedup: { value, ...bounds } }),
  };
}

function unpackRow(row: Reader, flops: number): Row {
  const name = row.text("name", 40, NAMES);
  const status = row.text("status", 10, STATUS) as Row["status"];
  const base = {
    ...{ name, status, kind: kindOf(name), build: row.has("build") ? row.text("build", 80) : name },
    ...(row.has("software") && { note: "software" }),
  };
  if (status === "failed" || status === "skipped") return { ...base, reason: "the link does not say why" };
  const limit = row.number("limit", 1e-6, 1e9);
  const value = row.number("error", 0, 1e308);
  if ((status === "ok") !== value <= limit) throw new LinkError("damaged at “error”");
  const error = { value: value === 1e308 ? null : value, limit };
  return status === "ok" ? { ...base, error, ...timed(row, flops) } : { ...base, error };
}

/** A case of a run with these settings. @throws LinkError */
export function unpackCase(found: Reader, request: RunRequest): CaseReport {
  const { operation, workload, dtype, decay, d, heads, chunk, sizes } = request;
  const n = found.number("n", 1, sizes.at(-1)!);
  if (!sizes.includes(n)) throw new LinkError("damaged at “n”");
  const flops = found.number("flops", 1, 1e18);
  const layer = isLayer(operation) ? (operation.split(", ")[0] as RecurrentName) : undefined;
  return {
    ...{ workload, operation, dtype, flops, about: "" },
    baseline: found.text("baseline", 40, NAMES),
    sizes: { batch: heads, n, r: d, p: d },
    decay: layer ? LAYER_DECAY[layer] : decay,
    chunk: chunk ?? null,
    rows: found.list("rows", MOST_ROWS, (row) => unpackRow(row, flops)),
  };
}
