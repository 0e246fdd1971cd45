import { writeFileSync } from "node:fs";
import type { ScalingOptions } from "../options.js";
import type { Contender, Missing } from "../../harness/contenders/contender.js";
import type { Environment } from "../../harness/environment.js";
import { resultPath, savePath, userPath, writeJson } from "../saved.js";
import { scalingHtml } from "../../scaling/html.js";
import { renderScaling } from "../text/scaling.js";
import { runScaling, type ScalingInput } from "../../scaling/sweep.js";

const SOLVE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768];
const INVERSE_SIZES = [512, 1024, 2048, 4096];
const CHUNKS = [4, 8, 12, 16, 24, 32, 64, 128];
const COLUMNS = 64;
const SECONDS = 3;

interface Setting {
  readonly contenders: readonly Contender[];
  readonly missing: readonly Missing[];
  readonly environment: Environment;
  readonly onProgress: ScalingInput["onProgress"];
}

/** `bench scaling [file]`. @returns what to print, and whether any answer was wrong */
export async function scalingCommand(
  file: string | undefined,
  options: ScalingOptions,
  setting: Setting,
  colour: boolean,
): Promise<{ text: string; failed: boolean }> {
  const solveSizes = options.n ?? SOLVE_SIZES;
  const report = await runScaling({
    ...setting,
    workload: options.workload[0]!,
    solveSizes,
    inverseSizes: options.n ?? INVERSE_SIZES,
    chunkSize: Math.min(Math.max(...solveSizes), 8192),
    chunks: options.chunk === undefined ? CHUNKS : [options.chunk],
    d: options.d ?? COLUMNS,
    heads: options.heads ?? 1,
    seed: options.seed,
    repetitions: options.repetitions,
    seconds: options.seconds ?? SECONDS,
  });
  const path = file === undefined ? resultPath("scaling.html") : userPath(file);
  writeFileSync(path, scalingHtml(report));
  if (options.json !== undefined) writeJson(userPath(options.json), report);
  const saved = options.save ? savePath(report, "scaling") : undefined;
  if (saved !== undefined) writeJson(saved, report);
  const failed = report.points.some(({ status }) => status === "wrong" || status === "failed");
  const files = [`Charts: ${path}`, saved && `Saved as ${saved}`].filter(Boolean).join("\n");
  return { text: `${renderScaling(report, colour)}\n\n${files}`, failed };
}
