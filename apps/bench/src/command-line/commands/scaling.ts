import { isBad, naive, type Setting } from "../../harness/index.js";
import { dense, openNumpy } from "../../peers/index.js";
import { runScaling, scalingHtml } from "../../scaling/index.js";
import { withContenders } from "../contenders.js";
import type { ScalingOptions } from "../options.js";
import { colour, type Printed } from "../progress.js";
import { keep, resultPath, userPath, writeText } from "../saved.js";
import { renderScaling } from "../text/scaling.js";

const SOLVE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768];
const INVERSE_SIZES = [512, 1024, 2048, 4096];
const CHUNKS = [4, 8, 12, 16, 24, 32, 64, 128];
const COLUMNS = 64;
const SECONDS = 3;

/** `bench scaling [file]` */
export async function scalingCommand(
  file: string | undefined,
  options: ScalingOptions,
  setting: Setting,
): Promise<Printed> {
  const { n, chunk, d = COLUMNS, heads = 1, seed, repetitions, seconds = SECONDS } = options;
  const solveSizes = n ?? SOLVE_SIZES;
  const report = await withContenders(options, [naive, dense, openNumpy], (found) =>
    runScaling({
      ...setting,
      ...found,
      ...{ d, heads, seed, repetitions, seconds },
      workload: options.workload[0]!,
      solveSizes,
      inverseSizes: n ?? INVERSE_SIZES,
      chunkSize: Math.min(Math.max(...solveSizes), 8192),
      chunks: chunk === undefined ? CHUNKS : [chunk],
    }),
  );
  const path = file === undefined ? resultPath("scaling.html") : userPath(file);
  writeText(path, scalingHtml(report));
  const files = [`Charts: ${path}`, ...keep(report, options, "scaling")].join("\n");
  return { text: `${renderScaling(report, colour)}\n\n${files}`, failed: report.points.some(isBad) };
}
