// How time grows with n and depends on the chunk: sweeps, fitted exponents, and a page of charts in one file.
export { FIT_SIZES, fitExponent } from "./fit.js";
export { scalingHtml } from "./html.js";
export { runScaling, SCALING_SCHEMA, type NamedFit, type Point, type ScalingReport } from "./sweep.js";
