import { parseArgs } from "node:util";
import { defaults } from "./parameters.mjs";

/** Every option: what stands after it in the help, what it is unless given, and what it does. */
const NUMBERS = {
  minutes: [10, "of training, the rate of learning included"],
  steps: [undefined, "of training, instead of minutes: then two runs give the same bits"],
  workers: [2, "threads, each with its share of a step's windows"],
  batch: [2, "windows a step"],
  tokens: [512, "characters of a window"],
  rate: [4e-3, "highest rate of learning"],
  seed: [1, "of parameters, windows and what is written"],
  split: [1, "seed of what is held out"],
  judged: [Infinity, "characters held out that are judged, at most"],
  length: [4096, "characters of a text there, which begins with empty states"],
  grams: [6, "characters of the longest n-gram beside it, at most 6"],
  generate: [400, "characters to write"],
  temperature: [0.7, "at which they are drawn"],
  width: [defaults.width, "columns of the model"],
  heads: [defaults.heads, "of the token mixer"],
  blocks: [defaults.blocks, "one after the other"],
  hidden: [defaults.hidden, "columns within a SwiGLU"],
};
const STRINGS = {
  save: ["model.safetensors", "where the model goes, also at Ctrl-C"],
  load: [undefined, "a model to judge and to write with, instead of training one"],
  prompt: ["interface Array<T> {\n", "what it writes on"],
};

function help() {
  const lines = Object.entries({ ...NUMBERS, ...STRINGS }).map(([name, [value, what]]) => {
    const unless =
      value === undefined || value === Infinity
        ? ""
        : ` (${typeof value === "string" ? JSON.stringify(value) : value})`;
    return `  --${name.padEnd(12)} ${what}${unless}`;
  });
  return ["node main.mjs [options]", ...lines, "  --no-gate      states that do not decay: DeltaNet"].join(
    "\n",
  );
}

/** @returns the options by their names, sizes of the model by themselves @throws RangeError, TypeError on what is not understood */
export function readOptions(args) {
  const names = Object.keys({ ...NUMBERS, ...STRINGS });
  const flags = Object.fromEntries(["gate", "help"].map((name) => [name, { type: "boolean" }]));
  const texts = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
  const { values } = parseArgs({ args, options: { ...texts, ...flags }, allowNegative: true });
  if (values.help) {
    console.log(help());
    process.exit();
  }
  const options = Object.fromEntries(
    Object.entries(STRINGS).map(([name, [value]]) => [name, values[name] ?? value]),
  );
  for (const [name, [value]] of Object.entries(NUMBERS)) {
    const given = values[name] === undefined ? value : Number(values[name]);
    if (given !== undefined && !(given > 0))
      throw new RangeError(`--${name}: a number above 0 expected, got ${values[name]}`);
    options[name] = given;
  }
  const { width, heads, blocks, hidden } = options;
  if (width % heads !== 0)
    throw new RangeError(`--heads: a number that divides the width of ${width} expected, got ${heads}`);
  const sizes = { ...defaults, width, heads, blocks, hidden, gate: values.gate ?? true };
  const orders = [3, 4, 5, 6].filter((order) => order <= options.grams);
  return { ...options, sizes, orders };
}
