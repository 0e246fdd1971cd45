import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";

/** Makes a backend by its name. Each worker is a thread already, so WebAssembly gets no more of them. */
export async function createBackend(name) {
  return name === "js" ? createJsBackend() : createWasmBackend({ threads: 1 });
}
