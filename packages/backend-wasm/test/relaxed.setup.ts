// Node 20 has relaxed SIMD behind a flag: with it all builds are tested on every version of Node.
import { setFlagsFromString } from "node:v8";

if (Number.parseInt(process.versions.node, 10) < 21) setFlagsFromString("--experimental-wasm-relaxed-simd");
