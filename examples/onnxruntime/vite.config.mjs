// The server of the page. It serves onnxruntime-web from the folder of `pnpm bench peers`, and makes models when they are asked for.
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fetchedVersion, PEERS, peersFolder } from "@dlrt/peers";
import { defineConfig } from "vite";
import { models } from "./model.mjs";

const NAME = "onnxruntime-web";

async function contentOf({ pathname, searchParams }) {
  const file = basename(pathname);
  if (pathname.startsWith("/ort/")) {
    if (fetchedVersion(NAME) === undefined)
      throw new Error(`${NAME} ${PEERS[NAME]} is not here: pnpm bench peers fetches it`);
    const type = file.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    return [type, await readFile(join(peersFolder, "node_modules", NAME, "dist", file))];
  }
  if (!pathname.startsWith("/models/")) return undefined;
  const sizes = Object.fromEntries([...searchParams].map(([name, value]) => [name, Number(value)]));
  return ["application/octet-stream", models(sizes)[file]];
}

/** Answers a request, and tells whether it was one of ours. */
async function answer(request, response) {
  const content = await contentOf(new URL(request.url, "http://page"));
  if (content === undefined) return false;
  response.setHeader("Content-Type", content[0]).end(content[1]);
  return true;
}

const served = {
  name: "onnxruntime-and-models",
  configureServer: ({ middlewares }) =>
    void middlewares.use((request, response, next) => {
      answer(request, response).then(
        (answered) => answered || next(),
        (error) => response.writeHead(404).end(error.message),
      );
    }),
};

export default defineConfig({
  plugins: [served],
  server: {
    host: "127.0.0.1", // browsers have WebGPU there without a certificate
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp", // with both headers a page has a fine clock
    },
  },
});
