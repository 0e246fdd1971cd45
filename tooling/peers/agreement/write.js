// Runs both runtimes beside this library, and writes how far apart they are into the README of @dlrt/linear-attention.
import { readFileSync, writeFileSync } from "node:fs";
import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { openRuntime, PEERS } from "../index.js";
import { replaceBetween } from "../../markers.mjs";
import { rowsOf, tableOf } from "./table.js";

const README = new URL("../../../packages/linear-attention/README.md", import.meta.url);

const backends = { js: createJsBackend(), wasm: await createWasmBackend() };
const runs = [];
for (const name of Object.keys(PEERS)) {
  const runtime = await openRuntime(name);
  runs.push({ runtime: `${name} ${runtime.version}`, rows: await rowsOf(runtime, backends) });
  runtime.close();
}
for (const backend of Object.values(backends)) await backend.dispose();
const table = tableOf(runs, Object.keys(backends));
console.log(table);
writeFileSync(README, replaceBetween(readFileSync(README, "utf8"), "agreement", table));
