#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { openBackends } from "./backends.js";
import type { Contender } from "./contender.js";
import { environment } from "./environment.js";
import { program, type Options } from "./options.js";
import { jsRegisterPeak } from "./peak-js.js";
import { mlMatrix } from "./peers/ml-matrix.js";
import { naive } from "./peers/naive.js";
import { plantedWrong } from "./peers/planted.js";
import { breathe, openProgress } from "./progress.js";
import { inVulkanEnvironment } from "./vulkan.js";
import { hasFailures } from "./report.js";
import { runBench } from "./run.js";
import { render } from "./table.js";

/** Relative to where the user called from: pnpm runs scripts in the package's folder. */
function userPath(path: string): string {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}

function others({ peers, planted }: Options): Contender[] {
  return [...(planted ? [plantedWrong()] : []), ...(peers ? [naive, mlMatrix] : [])];
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const options: Options = program().parse(args, { from: "user" }).opts();
  const status = await inVulkanEnvironment(options.backends);
  if (status !== undefined) {
    process.exitCode = status;
    return;
  }
  const progress = openProgress(process.stdout);
  const onProgress = async (what: string, done: number): Promise<void> => {
    progress.update(what, done);
    await breathe();
  };
  await onProgress("JS register peak", 0);
  const jsPeak = jsRegisterPeak();
  const { contenders: backends, missing } = await openBackends({
    only: options.backends,
    threads: options.threads,
  });
  const contenders = [...backends, ...others(options)];
  try {
    const report = await runBench({
      options,
      contenders,
      missing,
      environment: environment(),
      jsPeak,
      arguments: args,
      onProgress,
    });
    progress.finish("measured");
    const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];
    process.stdout.write(`${render(report, colour)}\n`);
    if (options.json !== undefined) {
      writeFileSync(userPath(options.json), `${JSON.stringify(report, null, 2)}\n`);
    }
    if (hasFailures(report)) process.exitCode = 1;
  } finally {
    for (const contender of contenders) await contender.dispose();
  }
}

await main();
