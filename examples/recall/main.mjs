// Trains the three mixers in turn and prints what each has learned. Options: --steps 400 --seed 1 --only "delta rule"
import { parseArgs } from "node:util";
import { createWasmBackend } from "@dlrt/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { createModel, MIXERS } from "./model.mjs";
import { TASK } from "./recall.mjs";
import { accuracyOf, train } from "./train.mjs";

const text = (preset) => ({ type: "string", default: preset });
const { values: given } = parseArgs({ options: { steps: text("400"), seed: text("1"), only: text("") } });
const [steps, seed] = [Number(given.steps), Number(given.seed)];
const names = given.only ? [given.only] : Object.keys(MIXERS);
if (
  !(Number.isSafeInteger(steps) && steps > 0 && Number.isSafeInteger(seed)) ||
  !names.every((name) => name in MIXERS)
) {
  console.error(`--steps a number ≥ 1, --seed an integer, --only one of: ${Object.keys(MIXERS).join(", ")}`);
  process.exit(2);
}

await tf.setBackend("wasm");
const backend = await createWasmBackend();
const stop = new AbortController();
process.once("SIGINT", () => stop.abort(new Error("stopped")));

const percent = (x) => `${(100 * x).toFixed(1).padStart(5)} %`;
for (const mixer of names) {
  const model = createModel({ mixer, backend, task: TASK, seed });
  console.log(`${mixer}: ${model.parameters} parameters, ${model.tokens} tokens`);
  const start = performance.now();
  let last;
  try {
    await train(model, TASK, {
      steps,
      seed,
      signal: stop.signal,
      onProgress: (progress) => {
        last = progress;
        if (progress.step % 100 !== 0 && progress.step !== steps) return;
        const { step, loss, accuracy, seconds } = progress;
        console.log(
          `  step ${String(step).padStart(4)}  loss ${loss.toFixed(3)}  accuracy ${percent(accuracy)}  ${seconds.toFixed(0)} s`,
        );
      },
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.log(`  ${error.message}`);
    break;
  }
  const seconds = (performance.now() - start) / 1000;
  const accuracy = await accuracyOf(model, TASK, { seed: seed + 2e6 });
  console.log(`  final accuracy ${percent(accuracy)}, loss ${last.loss.toFixed(3)}, ${seconds.toFixed(0)} s`);
  model.dispose();
}
await backend.dispose();
