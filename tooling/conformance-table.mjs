// Runs the conformance suite on our backends, and writes what it found into the README.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu/node";
import { reportMarkdown, reportText, runSuites } from "@dlrt/conformance";
import { replaceBetween } from "./markers.mjs";
import { vulkanEnv } from "./swiftshader/index.js";

const README = new URL("../README.md", import.meta.url);
const SOFTWARE = { maxN: 300, maxWork: 2 ** 15, cases: 3, skip: ["65535"] };

// A process finds its Vulkan driver by the environment it was started with.
if (process.argv[2] !== "child") {
  const env = { ...process.env, ...vulkanEnv() };
  const child = [fileURLToPath(import.meta.url), "child"];
  process.exit(spawnSync(process.execPath, child, { stdio: "inherit", env }).status ?? 1);
}

const reports = [];
for (const create of [createJsBackend, createWasmBackend, createWebGpuBackend]) {
  const probe = await create();
  const { software = false } = probe.supports;
  await probe.dispose();
  const report = await runSuites(() => create(), { seed: 1, ...(software && SOFTWARE) }); // from seed 1 the table is the same every time
  console.log(reportText(report));
  reports.push(report);
}
writeFileSync(README, replaceBetween(readFileSync(README, "utf8"), "conformance", reportMarkdown(reports)));
process.exit(reports.some(({ failures }) => failures.length > 0) ? 1 : 0);
