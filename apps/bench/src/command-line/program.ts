import { Command } from "commander";
import { withFlags, type Flag } from "./flags.js";
import type { GpuOptions, LayerCommandOptions, Options, ScalingOptions } from "./options.js";

/** What each command does with what was parsed. */
export interface Handlers {
  run(options: Options): Promise<void>;
  compare(before: string, options: Options): Promise<void>;
  layer(options: LayerCommandOptions): Promise<void>;
  scaling(file: string | undefined, options: ScalingOptions): Promise<void>;
  gpu(options: GpuOptions): Promise<void>;
  charts(files: readonly string[]): Promise<void>;
  peers(): Promise<void>;
}

const EXAMPLES = `
Examples:
  pnpm bench                                    a layer, then the system inside it: a minute or two
  pnpm bench --n 4096,65536 --json run.json     sizes of your own, and everything measured as JSON
  pnpm bench --backends js --workload random,correlated --n 1000,1001
  pnpm bench --operation inverse --n 2048 --heads 1 --no-seed-program
  pnpm bench --dtype f32,f64 --d 128 --repetitions 30
  pnpm bench --data layer3.safetensors          your own keys and values: tensors k, v, perhaps q, beta, diag, decay
  pnpm bench --decay none,row,channel           beside the same with gates, as models have them
  pnpm bench --n 4096 --planted                 what becomes of a wrong answer
  pnpm bench compare run.json --n 4096          measures again: what changed since that run
  pnpm bench layer                              whole layers, beside onnxruntime where bench peers has fetched it
  pnpm bench layer --task decoding --layer gated --heads 32
  pnpm bench scaling --save                     how time grows with n, as charts in one HTML file
  pnpm bench charts RUN.json SCALING.json       saved reports as the README's charts
  pnpm bench gpu                                the GPU's roofline, and the share of it each kernel reaches
  pnpm bench peers                              fetches the runtimes that layers are compared with
`;

const WHO: readonly Flag[] = ["backends", "threads", "peers", "patient", "planted"];
const HOW: readonly Flag[] = ["repetitions", "seconds", "seed", "json", "save"];
const SIZES: readonly Flag[] = ["n", "d", "p", "heads", "chunk"];

const OWN_SIZES: readonly Flag[] = ["tokens", "heads", "keys", "values"];
const LAYER_WHO: readonly Flag[] = ["backends", "webgpu", "threads", "peers", "planted"];
const WHAT: readonly Flag[] = ["workload", "decay", "operation", "dtype"];
const MAIN: readonly Flag[] = [...WHAT, ...SIZES, ...WHO, "baseline", "data", "seedProgram", ...HOW, "csv"];

const withMain = (command: Command): Command => withFlags(command, ...MAIN);

/** @param bench is made into the command; its subcommands inherit its output and what it does at an error */
export function program(handlers: Handlers, bench: Command = new Command("bench")): Command {
  bench.description(
    "Compares the backends, and what else a user could pick, on the same work; right answers only.",
  );
  const run = withMain(bench.command("run", { isDefault: true }))
    .description(
      "the main comparison; its options may follow `bench` itself. Default: a layer, then n 4096, d 64, heads 8",
    )
    .action((options: Options) => handlers.run(options));
  withMain(bench.command("compare <before>"))
    .description("the main comparison again, and what changed beyond noise since that report")
    .action((before: string, options: Options) => handlers.compare(before, options));
  withFlags(bench.command("layer"), "task", "layer", ...OWN_SIZES, ...LAYER_WHO, ...HOW)
    .description("layers on sizes of real models: a prompt, a token, a training step, beside onnxruntime")
    .action((options: LayerCommandOptions) => handlers.layer(options));
  withFlags(bench.command("scaling [file]"), "workload", "n", "d", "heads", "chunk", ...WHO, ...HOW)
    .description("sweep n and chunk, fit exponents, draw them in an HTML file")
    .action((file: string | undefined, options: ScalingOptions) => handlers.scaling(file, options));
  withFlags(bench.command("gpu"), ...SIZES, "seed", "json", "save")
    .description("the roofline of the WebGPU device, and every kernel beside it")
    .action((options: GpuOptions) => handlers.gpu(options));
  bench
    .command("charts <files...>")
    .description("draw saved reports as SVG in apps/bench/results/charts; measures nothing")
    .action((files: readonly string[]) => handlers.charts(files));
  bench
    .command("peers")
    .description("fetch onnxruntime-node and onnxruntime-web, some 430 MB, for what compares with them")
    .action(() => handlers.peers());
  return bench.addHelpText("after", () => `\n${run.helpInformation()}\n${EXAMPLES.trimStart()}`);
}
