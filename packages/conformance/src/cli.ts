#!/usr/bin/env node
import { CommanderError } from "commander";
import { writeFile } from "node:fs/promises";
import { badges } from "./cli/badges.js";
import { factoryOf } from "./cli/factory.js";
import { program, type CliOptions } from "./cli/options.js";
import { progress } from "./cli/progress.js";
import { lineOf, WrongUsage } from "./cli/wrong-usage.js";
import { planOf, type Plan } from "./options.js";
import { reportText, titleOf, type Report } from "./report.js";
import { runSuites } from "./runner.js";
import { allCases } from "./suites/index.js";

/** @throws WrongUsage: a wrong environment variable, or nothing to run */
function titlesOf(options: CliOptions): string[] {
  let plan: Plan;
  try {
    plan = planOf(options);
  } catch (error) {
    throw new WrongUsage(lineOf(error));
  }
  const matches = (parts: readonly string[], title: string): boolean =>
    parts.some((part) => title.includes(part));
  const chosen = allCases()
    .map(titleOf)
    .filter((title) => plan.only === undefined || matches(plan.only, title));
  if (!chosen.some((title) => !matches(plan.skip, title))) {
    throw new WrongUsage("no case is left to run; --list names them");
  }
  return options.list ? chosen.filter((title) => !matches(plan.skip, title)) : chosen;
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

async function judge(backend: string, total: number, options: CliOptions): Promise<Report> {
  const create = await factoryOf(backend);
  const { onCase, end } = progress(total, process.stderr);
  try {
    return await runSuites(create, { ...options, onCase });
  } finally {
    end();
  }
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { backend, ...options } = program().parse().opts<CliOptions>();
  const titles = titlesOf(options);
  if (options.list) {
    process.stdout.write(`${titles.join("\n")}\n`);
    return 0;
  }
  if (backend === undefined) throw new WrongUsage("--backend is missing; --help tells more");
  const report = await judge(backend, titles.length, options);
  if (options.json !== "-" && options.markdown !== "-") process.stdout.write(`${reportText(report)}\n`);
  await write(options.json, `${JSON.stringify(report, null, 2)}\n`);
  await write(options.markdown, badges(report));
  return report.failures.length > 0 ? 1 : 0;
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has printed
  process.stderr.write(
    error instanceof WrongUsage ? `error: ${error.message}\n` : `the run broke off: ${String(error)}\n`,
  );
  return error instanceof WrongUsage ? 2 : 1;
}

const code = await main().catch(codeOf);
// A backend that leaves a worker behind must not keep the program alive.
process.stdout.write("", () => process.exit(code));
