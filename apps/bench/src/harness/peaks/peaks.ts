import type { Peaks } from "../report.js";
import { jsRegisterPeak } from "./js.js";
import { wasmRegisterPeak } from "./wasm.js";

/** What one thread reaches in registers, measured now. @param wasm whether WebAssembly is measured too. Default true */
export const registerPeaks = (wasm = true): Peaks => ({
  js: jsRegisterPeak(),
  wasm: {
    f32: (wasm && wasmRegisterPeak("f32")) || null,
    f64: (wasm && wasmRegisterPeak("f64")) || null,
  },
});
