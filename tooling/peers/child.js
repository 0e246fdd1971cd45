// Runs one onnxruntime in a process of its own, because with -node and -web in one process the web build answers for both.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, name, threads] = process.argv.slice(2);
const ort = createRequire(join(folder, "package.json"))(name);
const web = name === "onnxruntime-web";
if (web) ort.env.wasm.numThreads = Number(threads);
const options = {
  executionProviders: [web ? "wasm" : "cpu"],
  logSeverityLevel: 3,
  ...(!web && { intraOpNumThreads: Number(threads), interOpNumThreads: 1 }),
};

let [session, feeds, results] = [];

async function load(model, tensors) {
  const before = session;
  session = undefined;
  await before?.release();
  session = await ort.InferenceSession.create(model, options);
  feeds = Object.fromEntries(
    Object.entries(tensors).map(([input, { data, dims }]) => [input, new ort.Tensor("float32", data, dims)]),
  );
  return {};
}

/** Measures each call in milliseconds, from tensors in the runtime's own form to outputs that JavaScript can read. */
async function call(repetitions) {
  const times = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    results = await session.run(feeds);
    times.push(performance.now() - start);
  }
  return { times };
}

const outputs = () => ({
  outputs: Object.fromEntries(
    Object.entries(results).map(([output, { data, dims }]) => [
      output,
      { data: data.slice(), dims: [...dims] },
    ]),
  ),
});

process.on("message", async ({ model, feeds: tensors, repetitions }) => {
  try {
    process.send(
      model !== undefined
        ? await load(model, tensors)
        : repetitions !== undefined
          ? await call(repetitions)
          : outputs(),
    );
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) });
  }
});

// When the parent has ended, nobody needs the runtime any more.
process.on("disconnect", () => process.exit());
