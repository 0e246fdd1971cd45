import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { messageOf, type Environment } from "../harness/index.js";

/** Resolves a path from the folder in which the user called: pnpm runs scripts in a package's folder. */
export function userPath(path: string): string {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}

/** Returns the text in lower case, with hyphens for what file names should not hold. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/** A file in apps/bench/results. */
export const resultPath = (name: string): string => join(import.meta.dirname, "..", "..", "results", name);

interface Started extends Environment {
  readonly started: string;
}

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
    throw new Error(`${command} ${path}: ${messageOf(error)}`, { cause: error });
  }
  const { schema, machine, cases, points } = report ?? {};
  if (!schemas.some((known) => known === schema) || !machine || !Array.isArray(cases ?? points)) {
    throw new Error(`${command} ${path}: expected a report of schema ${schemas.join(" or ")}, got ${schema}`);
  }
  return report as unknown as T;
}

/** Writes a file, and the folder in which it lies where there is none. */
export function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Writes a report where `--json` and `--save` want it. @returns what to print of that */
export function keep(
  report: Started,
  { json, save }: { readonly json?: string; readonly save: boolean },
  kind?: string,
): string[] {
  const text = `${JSON.stringify(report, null, 1)}\n`;
  if (json !== undefined) writeText(userPath(json), text);
  if (!save) return [];
  const path = savePath(report, kind);
  writeText(path, text);
  return [`Saved as ${path}`];
}
