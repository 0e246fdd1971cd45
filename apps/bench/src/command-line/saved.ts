import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Environment } from "../harness/environment.js";
import type { Report } from "../harness/report.js";

/** Resolves a path from the folder in which the user called: pnpm runs scripts in a package's folder. */
export function userPath(path: string): string {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}

/** Writes a field as RFC 4180 says. */
function field(x: unknown): string {
  const text = x === undefined || x === null ? "" : String(x);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const HEAD =
  "workload,operation,dtype,batch,n,r,p,chunk,decay,name,build,status,reason,error_eps,limit_eps,ms,mad_ms,samples,gflops,of_js_peak,of_ceiling,speedup,speedup_low,speedup_high";

/** Writes a line for every contender of every case. */
export function csv({ cases }: Report): string {
  const lines = cases.flatMap(({ workload, operation, dtype, sizes, chunk, decay = "none", rows }) => {
    const { batch, n, r, p } = sizes;
    return rows.map(({ name, build, status, reason, error, ms, gflops, ofJsPeak, ofCeiling, speedup }) =>
      [
        ...[workload, operation, dtype, batch, n, r, p, chunk, decay],
        ...[name, build, status, reason],
        ...[error?.value, error?.limit, ms?.median, ms?.mad, ms?.samples.length, gflops, ofJsPeak, ofCeiling],
        ...[speedup?.value, speedup?.low, speedup?.high],
      ]
        .map(field)
        .join(","),
    );
  });
  return `${[HEAD, ...lines].join("\r\n")}\r\n`;
}

/** Returns the text in lower case, with hyphens for what file names should not hold. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/** A file in apps/bench/results. */
export function resultPath(name: string): string {
  const folder = join(import.meta.dirname, "..", "results");
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}

type Started = Environment & { readonly started: string };

/** Where `--save` puts a report: results/DATE-CPU-COMMIT[-KIND].json beside this package's src. */
export function savePath({ started, machine, commit }: Started, kind?: string): string {
  const day = started.slice(0, 16).replaceAll(/[-:]/g, "");
  const parts = [day, slug(machine.cpu), `${machine.cores}c`, commit?.slice(0, 8) ?? "nocommit", kind];
  return resultPath(`${parts.filter(Boolean).join("-")}.json`);
}

/** @throws Error, naming the command, when the file is no report of one of these schemas */
export function readSaved<T extends Started & { readonly schema: string }>(
  command: string,
  path: string,
  schemas: readonly T["schema"][],
): T {
  let report: Readonly<Record<string, unknown>> | null;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${command} ${path}: ${(error as Error).message}`, { cause: error });
  }
  const { schema, machine, cases, points } = report ?? {};
  if (!schemas.some((known) => known === schema) || !machine || !Array.isArray(cases ?? points)) {
    throw new Error(`${command} ${path}: expected a report of schema ${schemas.join(" or ")}, got ${schema}`);
  }
  return report as unknown as T;
}

export function writeJson(path: string, report: object): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, null, 1)}\n`);
}
