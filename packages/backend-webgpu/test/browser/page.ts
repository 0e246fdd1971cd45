import { runLayers, runSuites, type Report } from "@dlrt/conformance";
import { createWebGpuBackend } from "../../src/index.js";

/** Judges the kernels, for the test that drives the page. */
function judge(options: Parameters<typeof runSuites>[1]): Promise<Report> {
  return runSuites(() => createWebGpuBackend({ selfTest: false }), options);
}

/** Judges the layers, for the test that drives the page. */
function judgeLayers(options: Parameters<typeof runLayers>[1]): Promise<Report> {
  return runLayers(() => createWebGpuBackend({ selfTest: false }), options);
}

Object.assign(globalThis, { judge, judgeLayers });
