import { Command, InvalidArgumentError, Option } from "commander";
import type { DecayKind, Dtype } from "@dlrt/core";
import { BACKEND_NAMES, defaultThreads } from "./backends.js";
import { OPERATION_NAMES, type OperationName } from "./operations/operation.js";
import { DECAY_NAMES } from "./workload/decay-kinds.js";
import { WORKLOAD_NAMES, type WorkloadName } from "./workload/index.js";

export interface Options {
  readonly backends?: readonly string[];
  readonly threads: readonly number[];
  /** False with --no-peers. */
  readonly peers: boolean;
  readonly patient: boolean;
  readonly workload: readonly WorkloadName[];
  readonly decay: readonly DecayKind[];
  readonly operation: readonly OperationName[];
  readonly dtype: readonly Dtype[];
  readonly n?: readonly number[];
  readonly d: number;
  readonly p?: number;
  readonly heads?: number;
  readonly chunk?: number;
  readonly repetitions: number;
  readonly seconds?: number;
  readonly baseline: string;
  readonly seed: number;
  /** False with --no-seed-program. */
  readonly seedProgram: boolean;
  readonly data?: string;
  /** The report's file; true for the default. */
  readonly scaling?: string | true;
  readonly gpuReport: boolean;
  readonly json?: string;
  readonly csv?: string;
  readonly save: boolean;
  /** Reports to draw, instead of measuring. */
  readonly charts?: readonly string[];
  readonly compare?: string;
  readonly planted: boolean;
}

const EXAMPLES = `
Examples:
  pnpm bench                                    the main comparison, under three minutes
  pnpm bench --n 4096 --json run.json           one size, and everything measured as JSON
  pnpm bench --backends js --workload random,correlated --n 1000,1001
  pnpm bench --operation inverse --n 2048 --heads 1 --no-seed-program
  pnpm bench --dtype f32,f64 --d 128 --repetitions 30
  pnpm bench --data layer3.safetensors          your own keys and values: tensors k, v, perhaps q, beta, diag, decay
  pnpm bench --decay none,row,channel           beside the same with gates, as models have them
  pnpm bench --scaling                          how time grows with n, as charts in one HTML file
  pnpm bench --scaling --save                   the same, kept for --charts
  pnpm bench --charts RUN.json SCALING.json     saved reports as the README's charts
  pnpm bench --gpu-report                       the GPU's roofline, and the share of it each kernel reaches
  pnpm bench --n 4096 --compare run.json        what changed since that run
  pnpm bench --n 4096 --planted                 what becomes of a wrong answer
`;

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

function list<T>(item: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(",").map((part) => item(part.trim()));
}

function oneOf<T extends string>(...names: readonly T[]): (text: string) => T {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found === undefined) throw new InvalidArgumentError(`Expected one of ${names.join(", ")}.`);
    return found;
  };
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

export function program(): Command {
  const choice = (flags: string, about: string, names: readonly string[]): Option =>
    new Option(flags, `${about}: ${names.join(", ")}`).argParser(list(oneOf(...names)));
  const sizes = (flags: string, about: string, least: number): Option =>
    new Option(flags, about).argParser(list(integer(least)));
  const number = (flags: string, about: string, least: number): Option =>
    new Option(flags, about).argParser(integer(least));
  return new Command("bench")
    .description(
      "Compares the backends, and what else a user could pick, on the same work; right answers only.",
    )
    .addOption(choice("--backends <names>", "backends, default all that are installed", BACKEND_NAMES))
    .addOption(
      sizes("--threads <counts>", "threads, for backends that have them", 1).default(defaultThreads()),
    )
    .addOption(choice("--workload <names>", "what is solved", WORKLOAD_NAMES).default(["text"]))
    .addOption(
      choice(
        "--decay <kinds>",
        "how the state decays, one factor a row or one a row and channel",
        DECAY_NAMES,
      )
        .default(["none"])
        .conflicts(["data", "scaling", "gpuReport"]),
    )
    .addOption(choice("--operation <names>", "what is computed", OPERATION_NAMES).default(["solve"]))
    .addOption(choice("--dtype <names>", "element types", ["f32", "f64"]).default(["f32"]))
    .addOption(sizes("--n <sizes>", "rows of T, default 4096,65536", 1))
    .addOption(number("--d <size>", "columns of Q and K", 1).default(64))
    .addOption(number("--p <size>", "columns of the right-hand side, default d", 1))
    .addOption(number("--heads <count>", "batch entries, default 8", 1))
    .addOption(number("--chunk <rows>", "rows per chunk, default each backend's choice", 1))
    .addOption(number("--repetitions <count>", "samples of each contender, at least 3", 3).default(15))
    .addOption(
      new Option("--seconds <time>", "time for the samples of one case, default 6").argParser(seconds),
    )
    .addOption(new Option("--baseline <name>", "what ratios refer to").default("naive-js"))
    .addOption(number("--seed <number>", "seed of all random numbers", 0).default(1))
    .option("--no-seed-program", "leave out the article's two programs")
    .option("--no-peers", "leave out what is no backend of ours")
    .option(
      "--patient",
      "also run what takes minutes: slow peers and software devices on large problems",
      false,
    )
    .option("--scaling [file]", "sweep n and chunk, fit exponents, draw them in an HTML file")
    .addOption(
      new Option("--gpu-report", "the roofline of the WebGPU device, and every kernel beside it")
        .default(false)
        .conflicts(["backends", "scaling", "data", "csv", "compare", "planted"]),
    )
    .option(
      "--data <path>",
      "your k, v, perhaps q, beta, diag, decay: a .safetensors file or a folder of .npy files",
    )
    .option("--json <file>", "write everything measured to a file")
    .option("--csv <file>", "write the tables as comma-separated values")
    .option("--save", "keep the report in apps/bench/results, with machine, versions and commit", false)
    .option("--charts <files...>", "draw saved reports as SVG in apps/bench/results/charts; measures nothing")
    .option("--compare <file>", "tell what changed since that report beyond noise")
    .option("--planted", "add a backend with a wrong answer", false)
    .addHelpText("after", EXAMPLES);
}
