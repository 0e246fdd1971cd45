#!/usr/bin/env node
import { CommanderError } from "commander";
import { writeFile } from "node:fs/promises";
import { badges } from "./cli/badges.js";
import { program, type CliOptions } from "./cli/options.js";
import { progress } from "./cli/progress.js";
import { supervise } from "./cli/supervise.js";
import { lineOf, WrongUsage } from "./cli/wrong-usage.js";
import { layerCases } from "./layers/suites/index.js";
import { planOf, type Plan } from "./options.js";
import { reportText } from "./report-text.js";
import { titleOf, type Report } from "./report.js";
import { allCases } from "./suites/index.js";

/** @throws WrongUsage: a wrong environment variable */
function planFor(options: CliOptions): Plan {
  try {
    return planOf(options);
  } catch (error) {
    throw new WrongUsage(lineOf(error));
  }
}

/** @throws WrongUsage: nothing to run */
function titlesOf(plan: Plan, { list = false, layers = false }: CliOptions): string[] {
  const matches = (parts: readonly string[], title: string): boolean =>
    parts.some((part) => title.includes(part));
  const chosen = (layers ? layerCases() : allCases())
    .map(titleOf)
    .filter((title) => plan.only === undefined || matches(plan.only, title));
  if (!chosen.some((title) => !matches(plan.skip, title))) {
    throw new WrongUsage("no case is left to run; --list names them");
  }
  return list ? chosen.filter((title) => !matches(plan.skip, title)) : chosen;
}

async function write(file: string | undefined, text: string): Promise<void> {
  if (file === undefined) return;
  if (file === "-") return void process.stdout.write(text);
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new WrongUsage(`cannot write ${file}: ${lineOf(error)}`);
  }
}

async function judge(
  backend: string,
  task: { readonly plan: Plan; readonly titles: readonly string[]; readonly layers: boolean },
): Promise<Report> {
  const { onCase, end } = progress(task.titles.length, process.stderr);
  try {
    return await supervise(backend, task, onCase);
  } finally {
    end();
  }
}

/** Writes every file that can be written. Throws WrongUsage where one could not be. */
async function publish(report: Report, { json, markdown }: CliOptions): Promise<void> {
  const written = await Promise.allSettled([
    write(json, `${JSON.stringify(report, null, 2)}\n`),
    write(markdown, badges(report)),
  ]);
  if (json !== "-" && markdown !== "-") process.stdout.write(`${reportText(report)}\n`);
  for (const one of written) if (one.status === "rejected") throw one.reason;
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { backend, ...options } = program().parse().opts<CliOptions>();
  const plan = planFor(options);
  const titles = titlesOf(plan, options);
  if (options.list) {
    process.stdout.write(`${titles.join("\n")}\n`);
    return 0;
  }
  if (backend === undefined) throw new WrongUsage("--backend is missing; --help tells more");
  const report = await judge(backend, { plan, titles, layers: options.layers ?? false });
  await publish(report, options);
  return report.failures.length > 0 ? 1 : 0;
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed the error already
  process.stderr.write(
    error instanceof WrongUsage ? `error: ${error.message}\n` : `the run broke off: ${lineOf(error)}\n`,
  );
  return error instanceof WrongUsage ? 2 : 1;
}

const code = await main().catch(codeOf);
process.stdout.write("", () => process.exit(code));
