// Measures every layer on our backends, and writes the worst errors into the layers' README.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu/node";
import { layerErrors, tableOf } from "./layers-errors.mjs";
import { replaceBetween } from "./markers.mjs";
import { vulkanEnv } from "./swiftshader/index.js";

const README = new URL("../packages/linear-attention/README.md", import.meta.url);

// A process finds its Vulkan driver by the environment it was started with.
if (process.argv[2] !== "child") {
  const env = { ...process.env, ...vulkanEnv() };
  const child = [fileURLToPath(import.meta.url), "child"];
  process.exit(spawnSync(process.execPath, child, { stdio: "inherit", env }).status ?? 1);
}

const columns = [];
for (const [name, create] of [
  ["js", createJsBackend],
  ["wasm", createWasmBackend],
  ["webgpu", createWebGpuBackend],
]) {
  columns.push([name, await layerErrors(() => create())]);
}
writeFileSync(README, replaceBetween(readFileSync(README, "utf8"), "accuracy", tableOf(columns)));
console.log(tableOf(columns));
process.exit(0);
