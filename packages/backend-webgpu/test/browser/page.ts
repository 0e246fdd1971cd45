import { runLayers, runSuites, type Report } from "@dlrt/conformance";
import { createWebGpuBackend } from "../../src/index.js";

/** What the page offers to the test that drives it. */
function judge(options: Parameters<typeof runSuites>[1]): Promise<Report> {
  return runSuites(() => createWebGpuBackend({ selfTest: false }), options);
}

/** The same of layers. */
function judgeLayers(options: Parameters<typeof runLayers>[1]): Promise<Report> {
  return runLayers(() => createWebGpuBackend({ selfTest: false }), options);
}

Object.assign(globalThis, { judge, judgeLayers });
