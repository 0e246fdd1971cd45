// Compares one onnxruntime with our backend in a process of its own: with -web and -node in one process, the web build would answer for both.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { fetchedVersion, peersFolder } from "@dlrt/peers";
import { openLayer } from "./layer.mjs";
import { distance, timesOf } from "./measure.mjs";
import { models as modelsOf } from "./model.mjs";
import { inputOf } from "./random.mjs";

/** Loads a runtime from the folder of `pnpm bench peers`. A program of yours would have `import * as ort from "onnxruntime-web"`. */
function runtime(name) {
  const ort = createRequire(join(peersFolder, "package.json"))(name);
  if (name === "onnxruntime-web") {
    ort.env.wasm.numThreads = 1;
    return { ort, options: { executionProviders: ["wasm"] } };
  }
  return { ort, options: { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1 } };
}

async function compare({ name, repetitions, ...sizes }) {
  const { ort, options } = runtime(name);
  const models = modelsOf(sizes);
  const backend = await createWasmBackend({ threads: 1 });
  const layer = await openLayer({ ort, options, models, backend, ...sizes });
  const whole = await ort.InferenceSession.create(models.whole, options);
  const mixer = await ort.InferenceSession.create(models.mixer, options);
  const x = new ort.Tensor("float32", inputOf(sizes), [1, sizes.tokens, sizes.width]);

  const theirs = await whole.run({ x });
  const ours = await layer.run(x);
  const projected = await layer.project(x);
  const [{ mixed }, { mixed: theirMixed }] = [await layer.mix(projected), await mixer.run(projected)];
  const differences = {
    mixed: distance(mixed.data, theirMixed.data),
    output: distance(ours.y.data, theirs.y.data),
    state: distance(ours.state, theirs.state.data),
  };
  const runs = {
    theirs: () => whole.run({ x }),
    ours: () => layer.run(x),
    theirMixer: () => mixer.run(projected),
    ourMixer: () => layer.mix(projected),
  };
  const times = await timesOf(runs, repetitions);
  await layer.close();
  const left = backend.memory();
  await backend.dispose();
  return { title: `${name} ${fetchedVersion(name)}, 1 thread each`, times, differences, left };
}

process.once("message", async (request) => {
  try {
    process.send({ answer: await compare(request) }, () => process.exit());
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) }, () => process.exit());
  }
});
