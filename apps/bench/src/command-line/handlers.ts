import { writeFileSync } from "node:fs";
import { fetchPeers } from "@dlrt/peers";
import { openBackends } from "./backends.js";
import { chartsCommand } from "./commands/charts.js";
import { readReport, renderChanges } from "./compare.js";
import type { Contender, Missing } from "../harness/contenders/contender.js";
import { environment, type Environment } from "../harness/environment.js";
import { csv, resultPath, savePath, userPath, writeJson } from "./saved.js";
import { gpuReportCommand } from "./commands/gpu.js";
import { firstLayer, layerBackends, layerCommand } from "./commands/layer.js";
import { jsRegisterPeak } from "../harness/peaks/js.js";
import { wasmRegisterPeak } from "../harness/peaks/wasm.js";
import { sparing } from "../harness/contenders/patience.js";
import { dense } from "../peers/dense.js";
import { mlMatrix } from "../peers/ml-matrix.js";
import { naive } from "../harness/contenders/naive.js";
import { openNumpy } from "../peers/numpy.js";
import { plantedWrong } from "../harness/contenders/planted.js";
import { stdlib } from "../peers/stdlib.js";
import { breathe, openProgress } from "./progress.js";
import { hasFailures, type Report } from "../harness/report.js";
import { opening, render } from "./text/comparison.js";
import { runBench } from "./run.js";
import { scalingCommand } from "./commands/scaling.js";
import { inVulkanEnvironment } from "./vulkan.js";
import { readArrays } from "./data/data.js";
import type { Options, ScalingOptions } from "./options.js";
import type { Handlers } from "./program.js";

const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];

type OnProgress = (what: string, done: number) => Promise<void>;

/** What a command came to: what to print, and whether anything was wrong. */
interface Outcome {
  readonly text: string;
  readonly failed: boolean;
}

/** Shows progress while a command measures, then prints what came out and sets the exit code. */
async function shown(work: (onProgress: OnProgress) => Promise<Outcome>): Promise<void> {
  const progress = openProgress(process.stdout);
  const { text, failed } = await work(async (what, done) => {
    progress.update(what, done);
    await breathe();
  });
  progress.finish("measured");
  process.stdout.write(`${text}\n`);
  if (failed) process.exitCode = 1;
}

/** A command that may run on a GPU, in a process whose environment names its driver. */
async function onDevice(only: readonly string[] | undefined, command: () => Promise<void>): Promise<void> {
  const status = await inVulkanEnvironment(only);
  if (status === undefined) await command();
  else process.exitCode = status;
}

interface Setting {
  readonly contenders: readonly Contender[];
  readonly missing: readonly Missing[];
  readonly environment: Environment;
  readonly onProgress: OnProgress;
}

type Asked = Pick<ScalingOptions, "backends" | "threads" | "peers" | "planted" | "patient">;

/** Opens everyone who is asked for, and closes them when the work is done. */
async function withContenders(
  { backends: only, threads, peers, planted, patient }: Asked,
  others: readonly (Contender | (() => Promise<Contender | Missing>))[],
  onProgress: OnProgress,
  work: (setting: Setting) => Promise<Outcome>,
): Promise<Outcome> {
  const { contenders, missing } = await openBackends({ only, threads });
  if (planted) contenders.push(plantedWrong());
  for (const other of peers ? others : []) {
    const opened = typeof other === "function" ? await other() : other;
    if ("open" in opened) contenders.push(opened);
    else missing.push(opened);
  }
  const able = patient ? contenders : contenders.map(sparing);
  try {
    return await work({ contenders: able, missing, environment: environment(), onProgress });
  } finally {
    for (const contender of contenders) await contender.dispose();
  }
}

/** Everything the report goes into. */
function deliver(report: Report, before: Report | undefined, options: Options): Outcome {
  const parts = [render(report, colour)];
  if (before) parts.push(renderChanges(before, report, colour));
  if (options.json !== undefined) writeJson(userPath(options.json), report);
  if (options.csv !== undefined) writeFileSync(userPath(options.csv), csv(report));
  if (options.save) {
    const path = savePath(report);
    writeJson(path, report);
    parts.push(`Saved as ${path}`);
  }
  return { text: parts.join("\n\n"), failed: hasFailures(report) };
}

/** Of the time that the main comparison takes. */
const LAYER_SHARE = 0.3;

/** Whether nothing was said about what is to be computed. */
const asItCame = ({ operation, data, n, d, p, heads, chunk }: Options): boolean =>
  operation.join() === "solve" && [data, n, d, p, heads, chunk].every((given) => given === undefined);

async function comparison(args: readonly string[], given: Options, before?: Report): Promise<void> {
  const options: Options = given.data === undefined ? given : { ...given, data: userPath(given.data) };
  const arrays = options.data === undefined ? undefined : readArrays(options.data);
  const layer = before === undefined && asItCame(options);
  return onDevice(options.backends, () => {
    process.stdout.write(`${opening(layer)}\n\n`);
    return shown(async (onProgress) => {
      await onProgress("register peaks", 0);
      const wasm = { f32: wasmRegisterPeak("f32") ?? null, f64: wasmRegisterPeak("f64") ?? null };
      const peaks = { js: jsRegisterPeak(), wasm };
      const share = layer ? LAYER_SHARE : 0;
      const onLayer = (what: string, done: number): Promise<void> => onProgress(what, share * done);
      const onRest = (what: string, done: number): Promise<void> =>
        onProgress(what, share + (1 - share) * done);
      const asked = { environment: environment(), arguments: args, onProgress: onLayer };
      const layers = layer ? (await firstLayer(options, asked)).cases : undefined;
      return withContenders(options, [naive, mlMatrix, stdlib, openNumpy], onRest, async (setting) => {
        const report = await runBench({ ...setting, options, arrays, peaks, arguments: args });
        return deliver(layers ? { ...report, layers } : report, before, options);
      });
    });
  });
}

function peersCommand(): void {
  for (const { name, version } of fetchPeers())
    process.stdout.write(`${name} ${version ?? "is not there"}\n`);
}

/** The commands, called with these arguments. */
export const handlers = (args: readonly string[]): Handlers => ({
  run: (options) => comparison(args, options),
  compare: async (before, options) => comparison(args, options, readReport(userPath(before))),
  layer: (options) =>
    onDevice(layerBackends(options), () =>
      shown((onProgress) =>
        layerCommand(options, { environment: environment(), arguments: args, onProgress }, colour),
      ),
    ),
  scaling: (file, options) =>
    onDevice(options.backends, () =>
      shown((onProgress) =>
        withContenders(options, [naive, dense, openNumpy], onProgress, (setting) =>
          scalingCommand(file, options, setting, colour),
        ),
      ),
    ),
  gpu: (options) =>
    onDevice(["webgpu"], () =>
      shown((onProgress) =>
        gpuReportCommand(options, { environment: environment(), arguments: args, onProgress }, colour),
      ),
    ),
  charts: async (files) => {
    process.stdout.write(`${chartsCommand(files.map(userPath), resultPath("charts"))}\n`);
  },
  peers: async () => peersCommand(),
});
