// Runs the conformance suite on our backends and writes what it found into the README, between its markers.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu/node";
import { reportMarkdown, reportText, runSuites } from "@dlrt/conformance";
import { vulkanEnv } from "./swiftshader/index.js";

const [START, END] = ["<!-- conformance:start -->", "<!-- conformance:end -->"];
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
  const report = await runSuites(() => create(), { seed: 1, ...(software && SOFTWARE) }); // the same table every time
  console.log(reportText(report));
  reports.push(report);
}
const text = readFileSync(README, "utf8");
const [from, to] = [text.indexOf(START), text.indexOf(END)];
if (from < 0 || to < from) throw new Error(`README.md: expected ${START} and ${END}`);
writeFileSync(README, `${text.slice(0, from)}${START}\n\n${reportMarkdown(reports)}\n\n${text.slice(to)}`);
process.exit(reports.some(({ failures }) => failures.length > 0) ? 1 : 0);
