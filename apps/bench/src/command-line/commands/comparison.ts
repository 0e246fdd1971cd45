import {
  isBad,
  naive,
  registerPeaks,
  type OnProgress,
  type Report,
  type Setting,
} from "../../harness/index.js";
import { mlMatrix, openNumpy, stdlib } from "../../peers/index.js";
import { renderChanges } from "../compare.js";
import { withContenders } from "../contenders.js";
import { csv } from "../csv.js";
import { readArrays } from "../data/data.js";
import type { Options } from "../options.js";
import { colour, type Printed } from "../progress.js";
import { runBench } from "../run.js";
import { keep, userPath, writeText } from "../saved.js";
import { opening, render } from "../text/comparison.js";
import { firstLayer } from "./layer.js";

/** Whether anything that ran gave a wrong answer or failed. */
const isFaulty = ({ cases, seed, layers = [] }: Report): boolean =>
  seed.some(isBad) ||
  layers.some(({ rows }) => rows.some(isBad)) ||
  cases.some(({ rows }) => rows.some(isBad));

/** Writes the report wherever it was asked for. @returns what to print of it */
function deliver(report: Report, before: Report | undefined, options: Options): Printed {
  const changes = before ? [renderChanges(before, report, colour)] : [];
  if (options.csv !== undefined) writeText(userPath(options.csv), csv(report));
  const parts = [render(report, colour), ...changes, ...keep(report, options)];
  return { text: parts.join("\n\n"), failed: isFaulty(report) };
}

/** The share of the main comparison's time that its layer takes. */
const LAYER_SHARE = 0.3;

/** Whether nothing was said about what is to be computed. */
const asItCame = ({ operation, data, n, d, p, heads, chunk }: Options): boolean =>
  operation.join() === "solve" && [data, n, d, p, heads, chunk].every((given) => given === undefined);

/**
 * `bench`, and `bench compare` with the report from `before`.
 * @returns the command, and what to print ahead of it
 * @throws FormatError where the user's arrays cannot be taken
 */
export function comparison(
  given: Options,
  before?: Report,
): [command: (setting: Setting) => Promise<Printed>, opening: string] {
  const options: Options = given.data === undefined ? given : { ...given, data: userPath(given.data) };
  const arrays = options.data === undefined ? undefined : readArrays(options.data);
  const layer = before === undefined && asItCame(options);
  const command = async ({ onProgress, ...setting }: Setting): Promise<Printed> => {
    await onProgress?.("register peaks", 0);
    const peaks = registerPeaks();
    const share = layer ? LAYER_SHARE : 0;
    const onLayer: OnProgress = (what, done) => onProgress?.(what, share * done);
    const onRest: OnProgress = (what, done) => onProgress?.(what, share + (1 - share) * done);
    const layers = layer && (await firstLayer(options, { ...setting, onProgress: onLayer })).cases;
    return withContenders(options, [naive, mlMatrix, stdlib, openNumpy], async (found) => {
      const report = await runBench({ ...setting, ...found, options, arrays, peaks, onProgress: onRest });
      return deliver(layers ? { ...report, layers } : report, before, options);
    });
  };
  return [command, `${opening(layer)}\n\n`];
}
