import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { fetchedVersion, PEERS, peersFolder, type Runtime } from "@dlrt/peers";
import { chromium as unpacked } from "@dlrt/swiftshader";

const NAME = "onnxruntime-web";
const page = join(import.meta.dirname, "..", "..", "assets", "onnx-page.js");

type Arrays = Map<string, Uint8Array>;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** What the page asks for; isolated, so that its clock is fine. */
function contentOf(path: string, arrays: Arrays): [type: string, body: string | Uint8Array] {
  const name = basename(path);
  if (path === "/") return ["text/html", '<!doctype html><script type="module" src="/page.js"></script>'];
  if (path === "/page.js") return ["text/javascript", readFileSync(page)];
  if (path.startsWith("/data/")) return ["application/octet-stream", arrays.get(name)!];
  const file = readFileSync(join(peersFolder, "node_modules", NAME, "dist", name));
  return [name.endsWith(".wasm") ? "application/wasm" : "text/javascript", file];
}

async function serve(arrays: Arrays): Promise<Server> {
  const server = createServer(async (request, response) => {
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const path = request.url!;
    try {
      if (request.method === "POST") {
        arrays.set(basename(path), await bodyOf(request));
        response.end();
        return;
      }
      const [type, body] = contentOf(path, arrays);
      response.setHeader("Content-Type", type).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

export interface BrowserRuntime extends Runtime {
  /** What WebGPU runs on there. */
  readonly device: string;
}

/**
 * onnxruntime-web on WebGPU, in a Chromium without a window. One request at a time.
 * @throws Error where it was not fetched, or where there is no Chromium or no adapter in it
 */
export async function openInChromium(): Promise<BrowserRuntime> {
  const version = fetchedVersion(NAME);
  if (version === undefined)
    throw new Error(`${NAME} ${PEERS[NAME]} is not there: pnpm bench peers fetches it`);
  const { chromium } = await import("playwright-core");
  const arrays: Arrays = new Map();
  const [server, browser] = [await serve(arrays), await chromium.launch(unpacked())];
  const close = (): void => {
    void browser.close();
    server.close();
  };
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await tab.waitForFunction("globalThis.bench");
    const ask = <T>(call: string): Promise<T> => tab.evaluate(`bench.${call}`);
    return {
      ...{ name: NAME, version, threads: 1, device: await ask<string>("device()"), close },
      async load(model, feeds) {
        arrays.clear();
        arrays.set("model", model);
        for (const [name, { data }] of Object.entries(feeds)) arrays.set(name, bytesOf(data));
        const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
        await ask(`load(${JSON.stringify(shapes)})`);
      },
      call: (repetitions = 1) => ask(`call(${repetitions})`),
      async outputs() {
        const shapes = Object.entries(await ask<Record<string, number[]>>("outputs()"));
        const read = (name: string): Float32Array =>
          new Float32Array(Uint8Array.from(arrays.get(name)!).buffer);
        return Object.fromEntries(shapes.map(([name, dims]) => [name, { data: read(name), dims }]));
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}
