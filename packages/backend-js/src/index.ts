export { createJsBackend, type JsBackendOptions } from "./backend.js";
