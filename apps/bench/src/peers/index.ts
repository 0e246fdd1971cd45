// What else a user could pick, none of it ours, in Node: libraries, Python, and onnxruntime in processes of its own.
export { IN_PAGE, openWebGpuPage } from "./browser.js";
export { dense } from "./dense.js";
export { mlMatrix } from "./ml-matrix.js";
export { openNumpy } from "./numpy.js";
export { openNumpyLayer } from "./numpy-layer.js";
export { openOnnx } from "./onnx.js";
export { stdlib } from "./stdlib.js";
