import { type Command, InvalidArgumentError, Option } from "commander";
import {
  BACKEND_NAMES,
  DECAY_NAMES,
  LAYER_NAMES,
  OPERATION_NAMES,
  TASK_NAMES,
  WORKLOAD_NAMES,
} from "../harness/index.js";
import { defaultThreads } from "./backends.js";

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

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

const choice = (flags: string, about: string, names: readonly string[]): Option =>
  new Option(flags, `${about}: ${names.join(", ")}`).argParser(list(oneOf(...names)));

const sizes = (flags: string, about: string, least: number): Option =>
  new Option(flags, about).argParser(list(integer(least)));

const number = (flags: string, about: string, least: number): Option =>
  new Option(flags, about).argParser(integer(least));

/** Options that more than one command takes: each is written once, and made anew for every command. */
const shared = {
  backends: (): Option =>
    choice("--backends <names>", "backends, default all that are installed", BACKEND_NAMES),
  threads: (): Option =>
    sizes("--threads <counts>", "threads, for backends that have them", 1).default(defaultThreads()),
  workload: (): Option => choice("--workload <names>", "what is solved", WORKLOAD_NAMES).default(["text"]),
  decay: (): Option =>
    choice("--decay <kinds>", "how the state decays, one factor a row or one a row and channel", DECAY_NAMES)
      .default(["none"])
      .conflicts("data"),
  operation: (): Option =>
    choice("--operation <names>", "what is computed", OPERATION_NAMES).default(["solve"]),
  dtype: (): Option => choice("--dtype <names>", "element types", ["f32", "f64"]).default(["f32"]),
  n: (): Option => sizes("--n <sizes>", "rows of T", 1),
  d: (): Option => number("--d <size>", "columns of Q and K", 1),
  p: (): Option => number("--p <size>", "columns of the right-hand side, default d", 1),
  heads: (): Option => number("--heads <count>", "batch entries", 1),
  chunk: (): Option => number("--chunk <rows>", "rows per chunk, default each backend's choice", 1),
  repetitions: (): Option =>
    number("--repetitions <count>", "samples of each contender, at least 3", 3).default(15),
  seconds: (): Option =>
    new Option("--seconds <time>", "time for the samples of one case").argParser(positive),
  baseline: (): Option => new Option("--baseline <name>", "what ratios refer to").default("naive-js"),
  seed: (): Option => number("--seed <number>", "seed of all random numbers", 0).default(1),
  seedProgram: (): Option => new Option("--no-seed-program", "leave out the article's two programs"),
  peers: (): Option => new Option("--no-peers", "leave out what is no backend of ours"),
  patient: (): Option =>
    new Option(
      "--patient",
      "also run what takes minutes: slow peers and software devices on large problems",
    ).default(false),
  data: (): Option =>
    new Option(
      "--data <path>",
      "your k, v, perhaps q, beta, diag, decay: a .safetensors file or a folder of .npy files",
    ),
  json: (): Option => new Option("--json <file>", "write everything measured to a file"),
  csv: (): Option => new Option("--csv <file>", "write the tables as comma-separated values"),
  save: (): Option =>
    new Option("--save", "keep the report in apps/bench/results, with machine, versions and commit").default(
      false,
    ),
  webgpu: (): Option =>
    new Option("--webgpu", "also on the WebGPU device there is, software too").default(false),
  task: (): Option => choice("--task <names>", "what is timed, default all", TASK_NAMES),
  layer: (): Option => choice("--layer <names>", "which layers, default all but softmax", LAYER_NAMES),
  tokens: (): Option => sizes("--tokens <counts>", "sizes of your own, as those that follow", 1),
  keys: (): Option => number("--keys <size>", "columns of a key", 1),
  values: (): Option => number("--values <size>", "columns of a value, default as a key", 1),
  planted: (): Option => new Option("--planted", "add a backend with a wrong answer").default(false),
};

export type Flag = keyof typeof shared;

export function withFlags(command: Command, ...names: readonly Flag[]): Command {
  for (const name of names) command.addOption(shared[name]());
  return command;
}
