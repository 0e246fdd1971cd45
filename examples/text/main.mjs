// node main.mjs: trains for ten minutes, judges on files it has not seen, saves, and writes on by itself. --help has the options.
import { createWasmBackend } from "@dlrt/backend-wasm";
import { Alphabet, readFiles, split } from "./corpus.mjs";
import { differenceFromOnePass, generate } from "./generate.mjs";
import { Model } from "./model.mjs";
import { kneserNey } from "./n-grams.mjs";
import { readOptions } from "./options.mjs";
import { countOf, initialize, plan } from "./parameters.mjs";
import { randomFrom } from "./random.mjs";
import { shared, Team } from "./team.mjs";
import { judge, train } from "./train.mjs";
import { load, save } from "./weights.mjs";

const options = readOptions(process.argv.slice(2));
const controller = new AbortController();
process.once("SIGINT", () => controller.abort()); // a second Ctrl-C ends the program at once

const files = readFiles();
const { trained, heldOut } = split(files, options.split);
const known = options.load && load(options.load);
const alphabet = known?.alphabet ?? new Alphabet(files.map(({ text }) => text).join(""));
const stream = shared(Uint8Array, alphabet.join(trained));
const judged = shared(Uint8Array, alphabet.join(heldOut).subarray(0, options.judged));
const sizes = known?.sizes ?? { ...options.sizes, size: alphabet.size };
const parameters = shared(Float32Array, known?.parameters ?? countOf(plan(sizes)));
console.log(
  `${trained.length} files, ${stream.length} characters to learn from; ${heldOut.length}, ${judged.length} held out`,
);
console.log(
  `${sizes.gate ? "Gated DeltaNet" : "DeltaNet, without a gate"}, ${parameters.length} parameters, ${options.workers} workers`,
);

const team = new Team(options.workers, sizes, parameters);
try {
  if (!known) await learn();
  if (!controller.signal.aborted) await tell();
} finally {
  await team.terminate();
}

async function learn() {
  initialize(parameters, plan(sizes), sizes, options.seed);
  let [loss, told] = [undefined, 0];
  const result = await train(team, parameters, stream, { ...options, signal: controller.signal }, (at) => {
    loss = loss === undefined ? at.loss : loss + 0.05 * (at.loss - loss); // of the last twenty steps or so
    if (at.share < told) return;
    told += 0.05;
    const characters = (at.step * options.batch * options.tokens) / at.seconds / 1000;
    const share = `${Math.round(100 * at.share)} %`.padStart(5);
    console.log(
      `${share}  ${at.seconds.toFixed(0)} s  step ${at.step}  ${bits(loss)} bits  ${characters.toFixed(1)} k characters/s`,
    );
  });
  save(options.save, parameters, sizes, alphabet);
  const { user, system } = process.cpuUsage();
  const how = result.aborted ? "stopped" : "done";
  console.log(
    `${how} after ${result.steps} steps, ${result.seconds.toFixed(0)} s (processor: ${((user + system) / 1e6).toFixed(0)} s); saved as ${options.save}`,
  );
}

function bits(nats) {
  return (nats / Math.LN2).toFixed(3);
}

async function tell() {
  const { bits: whole, byPlace } = await judge(team, judged, options);
  console.log(`held out: ${whole.toFixed(3)} bits a character`);
  for (const order of options.orders) {
    const other = kneserNey(stream, order, alphabet.size)(judged);
    console.log(
      `  Kneser–Ney ${order}-gram: ${other.toFixed(3)} (${other > whole ? "+" : "−"}${Math.abs(other - whole).toFixed(3)})`,
    );
  }
  console.log("by place in a text:");
  byPlace.forEach((each, i) =>
    console.log(
      `  ${String(i * options.tokens).padStart(5)} to ${(i + 1) * options.tokens}: ${each.toFixed(3)}`,
    ),
  );

  const backend = await createWasmBackend();
  const model = new Model(backend, sizes);
  model.load(parameters);
  const prompt = Uint8Array.of(0, ...alphabet.encode(options.prompt));
  const text = generate(model, prompt, {
    ...options,
    count: options.generate,
    random: randomFrom(options.seed),
  });
  console.log(`\n${alphabet.decode(text.numbers.subarray(1))}\n`);
  console.log(
    `logits token by token and in one pass differ by at most ${differenceFromOnePass(model, text).toExponential(1)}`,
  );
  model.dispose();
  await backend.dispose();
}
