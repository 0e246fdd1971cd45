#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { openBackends } from "./backends.js";
import type { Contender, Missing } from "./contender.js";
import { chartsCommand } from "./charts/command.js";
import { readReport, renderChanges } from "./compare.js";
import { csv, resultPath, savePath, userPath, writeJson } from "./files.js";
import { environment } from "./environment.js";
import { gpuReportCommand } from "./gpu/command.js";
import { program, type Options } from "./options.js";
import { jsRegisterPeak } from "./peak-js.js";
import { wasmRegisterPeak } from "./peak-wasm.js";
import { sparing } from "./patience.js";
import { dense } from "./peers/dense.js";
import { mlMatrix } from "./peers/ml-matrix.js";
import { naive } from "./peers/naive.js";
import { openNumpy } from "./peers/numpy.js";
import { plantedWrong } from "./peers/planted.js";
import { stdlib } from "./peers/stdlib.js";
import { breathe, openProgress } from "./progress.js";
import { scalingCommand } from "./scaling/command.js";
import { inVulkanEnvironment } from "./vulkan.js";
import { hasFailures, type Report } from "./report.js";
import { runBench } from "./run.js";
import { render } from "./table.js";

const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];

/** Everything the report goes into. Files are written before the exit code is set. */
function deliver(report: Report, before: Report | undefined, options: Options): void {
  const parts = [render(report, colour)];
  if (before) parts.push(renderChanges(before, report, colour));
  if (options.json !== undefined) writeJson(userPath(options.json), report);
  if (options.csv !== undefined) writeFileSync(userPath(options.csv), csv(report));
  if (options.save) {
    const path = savePath(report);
    writeJson(path, report);
    parts.push(`Saved as ${path}`);
  }
  process.stdout.write(`${parts.join("\n\n")}\n`);
}

async function others({ peers, planted, scaling }: Options): Promise<(Contender | Missing)[]> {
  const wrong = planted ? [plantedWrong()] : [];
  if (!peers) return wrong;
  return scaling === undefined
    ? [...wrong, naive, mlMatrix, stdlib, await openNumpy()]
    : [...wrong, naive, dense, await openNumpy()];
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const command = program().parse(args, { from: "user" });
  const given: Options = command.opts();
  const options: Options = given.data === undefined ? given : { ...given, data: userPath(given.data) };
  if (options.charts !== undefined) {
    process.stdout.write(`${chartsCommand(options.charts.map(userPath), resultPath("charts"))}\n`);
    return;
  }
  const before = options.compare === undefined ? undefined : readReport(userPath(options.compare));
  const status = await inVulkanEnvironment(options.gpuReport ? ["webgpu"] : options.backends);
  if (status !== undefined) {
    process.exitCode = status;
    return;
  }
  const progress = openProgress(process.stdout);
  const onProgress = async (what: string, done: number): Promise<void> => {
    progress.update(what, done);
    await breathe();
  };
  if (options.gpuReport) {
    const d = command.getOptionValueSource("d") === "cli" ? options.d : undefined;
    const setting = { environment: environment(), arguments: args, onProgress };
    const { text, failed } = await gpuReportCommand({ ...options, d }, setting, colour);
    progress.finish("measured");
    process.stdout.write(`${text}\n`);
    if (failed) process.exitCode = 1;
    return;
  }
  await onProgress("register peaks", 0);
  const wasm = { f32: wasmRegisterPeak("f32") ?? null, f64: wasmRegisterPeak("f64") ?? null };
  const peaks = { js: jsRegisterPeak(), wasm };
  const backends = await openBackends({ only: options.backends, threads: options.threads });
  const contenders = [...backends.contenders];
  const missing = [...backends.missing];
  for (const other of await others(options)) {
    if ("open" in other) contenders.push(other);
    else missing.push(other);
  }
  const able = options.patient ? contenders : contenders.map(sparing);
  const setting = { contenders: able, missing, environment: environment(), onProgress };
  try {
    if (options.scaling !== undefined) {
      const { text, failed } = await scalingCommand(options, setting, colour);
      progress.finish("measured");
      process.stdout.write(`${text}\n`);
      if (failed) process.exitCode = 1;
      return;
    }
    const report = await runBench({ ...setting, options, peaks, arguments: args });
    progress.finish("measured");
    deliver(report, before, options);
    if (hasFailures(report)) process.exitCode = 1;
  } finally {
    for (const contender of contenders) await contender.dispose();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
