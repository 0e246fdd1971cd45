export { createJsBackend, type JsBackend, type JsBackendOptions } from "./backend.js";
