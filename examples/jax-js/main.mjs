// Runs gradient descent on a layer in a jax-js program, in Node: jax-js is on its wasm device, and the layer on our WebAssembly.
import { createWasmBackend } from "@dlrt/backend-wasm";
import { init } from "@jax-js/jax";
import { lossAndGradients } from "./model.mjs";
import { example } from "./data.mjs";

await init("wasm");
const RATE = 10;
const backend = await createWasmBackend({ threads: 1 });
const { parameters, data, heads } = example({ tokens: 32, width: 16, heads: 2 });
for (let step = 0; step <= 60; step++) {
  const { loss, gradients } = await lossAndGradients(backend, parameters, data, heads);
  if (step % 20 === 0) console.log(`step ${step}: loss ${(await loss.data())[0].toFixed(4)}`);
  else loss.dispose();
  for (const [name, gradient] of Object.entries(gradients))
    parameters[name] = parameters[name].sub(gradient.mul(RATE));
}
console.log(backend.memory());
await backend.dispose();
