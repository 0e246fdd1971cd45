// Runs in Node what Rollup has bundled. It takes a quarter of a minute on two cores.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "@dlrt/release/packages";
import { beforeAll, expect, inject, test } from "vitest";
import { npmInstall } from "../install.mjs";
import { ANSWER, IMPORTS, right } from "../programs.mjs";

const user = inject("user");
const folder = join(user, "rollup-app");
const CALLS = `export const main = (options) => answer(createWasmBackend, { threads: 2, ...options });
export const plain = () => answer(createJsBackend);`;

/** The configuration that the README of backend-wasm gives, in which the helpers' script is an entry of its own. */
const CONFIG = `import { nodeResolve } from "@rollup/plugin-node-resolve";
export default {
  input: { main: "main.js", helper: "@dlrt/backend-wasm/worker" },
  plugins: [nodeResolve()],
  output: { dir: "built", format: "es", entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" },
};`;
const RUN = `import { main, plain } from "./built/main.mjs";
const workerUrl = new URL("./built/helper.mjs", import.meta.url);
console.log(JSON.stringify([await main({ workerUrl }), await main(), await plain()]));`;

beforeAll(async () => {
  await npmInstall(user, "rollup@4.68.8", "@rollup/plugin-node-resolve@16.0.3");
  mkdirSync(folder, { recursive: true });
  const files = {
    "main.js": `${IMPORTS()}\n${ANSWER}\n${CALLS}`,
    "rollup.config.mjs": CONFIG,
    "run.mjs": RUN,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const rollup = join(user, "node_modules/rollup/dist/bin/rollup");
  await command(process.execPath, [rollup, "--config", "--failAfterWarnings", "--silent"], { cwd: folder });
});

test("threads with workerUrl; without, one thread and the remedy", async () => {
  const printed = await command(process.execPath, ["run.mjs"], { cwd: folder });
  expect(JSON.parse(printed)).toEqual([
    right("simd+threads (2)"),
    { ...right("simd"), fallback: expect.stringMatching(/^one thread: .*worker\.mjs.*pass workerUrl/) },
    right("js"),
  ]);
});
