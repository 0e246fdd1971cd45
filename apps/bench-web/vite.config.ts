import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { environment } from "@dlrt/bench/environment";
import { defineConfig } from "vite";
import { headOf } from "./head-plugin.js";
import { bundledText } from "./text-plugin.js";

/** What SharedArrayBuffer, and so threads, need. */
export const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

function versions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const read = (name: string): string =>
    (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")) as { version: string })
      .version;
  const names = ["@dlrt/core", "@dlrt/backend-js", "@dlrt/backend-wasm", "@dlrt/backend-webgpu"];
  return Object.fromEntries(names.map((name) => [name, read(name)]));
}

export default defineConfig({
  base: "./",
  plugins: [bundledText(), headOf()],
  worker: { format: "es", plugins: () => [bundledText()] },
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
  build: { target: "es2022", chunkSizeWarningLimit: 2000 },
  define: {
    DLRT_VERSIONS: JSON.stringify(versions()),
    DLRT_COMMIT: JSON.stringify(environment().commit),
  },
});
