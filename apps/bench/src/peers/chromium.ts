import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fetchedVersion, PEERS, peersFolder } from "@dlrt/peers";
import { chromium as unpacked } from "@dlrt/swiftshader";
import type { Run } from "../harness/index.js";
import { remoteRun } from "./remote.js";

const NAME = "onnxruntime-web";
const root = join(import.meta.dirname, "..", "..");
const { resolve } = createRequire(import.meta.url);

/** Arrays on their way to the page and back, by their paths `id/name`. */
type Arrays = Map<string, Uint8Array>;

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** The packages of which the page may import every entry, as built. */
const packages = ["core", "linear-attention", "backend-webgpu"].map((name) => `@dlrt/${name}`);

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

const manifestOf = (name: string): string => resolve(`${name}/package.json`);

function imports(): Record<string, string> {
  const entries = packages.flatMap((name, at) => {
    const { exports } = JSON.parse(readFileSync(manifestOf(name), "utf8")) as Manifest;
    return Object.entries(exports).flatMap(([entry, to]) =>
      typeof to === "string"
        ? []
        : [[name + entry.slice(1), `/modules/${at}${to.default.slice(1)}`] as const],
    );
  });
  return Object.fromEntries(entries);
}

const html = (): string =>
  `<!doctype html><script type="importmap">${JSON.stringify({ imports: imports() })}</script>` +
  '<script type="module" src="/page.js"></script>';

function fileOf(path: string): string {
  const [, folder, ...rest] = path.split("/");
  if (folder === "page.js") return join(root, "assets", "webgpu-page.js");
  if (folder === "bench") return join(root, "dist", ...rest);
  if (folder === "ort") return join(peersFolder, "node_modules", NAME, "dist", ...rest);
  const [at, ...inside] = rest;
  return join(dirname(manifestOf(packages[Number(at)]!)), ...inside);
}

function contentOf(path: string, arrays: Arrays): [type: string, body: string | Uint8Array] {
  if (path === "/") return ["text/html", html()];
  if (path.startsWith("/data/")) return ["application/octet-stream", arrays.get(path.slice(6))!];
  return [path.endsWith(".wasm") ? "application/wasm" : "text/javascript", readFileSync(fileOf(path))];
}

/** Serves what the page asks for, cross-origin isolated, so that its clock is fine. */
async function serve(arrays: Arrays): Promise<Server> {
  const server = createServer(async (request, response) => {
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const path = request.url!;
    try {
      if (request.method === "POST") {
        arrays.set(path.slice(6), await bodyOf(request));
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

/** What one of the two in the page is to compute, on what. */
export interface Work {
  readonly who: "onnx" | "ours";
  /** Whether inputs and results lie in buffers on the device, rather than in the caller's arrays. */
  readonly resident: boolean;
  readonly about: object;
  readonly arrays: Readonly<Record<string, Uint8Array | Float32Array>>;
}

/** A page in which onnxruntime-web's WebGPU kernels and ours compute, one after the other, on the same device. */
export interface WebGpuPage {
  /** The version of onnxruntime-web. */
  readonly version: string;
  /** What WebGPU runs on there. */
  readonly device: string;
  open(work: Work): Run;
  close(): void;
}

function opener(ask: <T>(call: string) => Promise<T>, arrays: Arrays): WebGpuPage["open"] {
  let count = 0;
  return ({ who, resident, about, arrays: given }) => {
    const id = String(count++);
    for (const [name, data] of Object.entries(given)) arrays.set(`${id}/${name}`, bytesOf(data));
    const opened = ask(`open("${id}", "${who}", ${JSON.stringify(about)}, ${resident})`);
    return remoteRun(opened, {
      times: (calls) => ask<number[]>(`times("${id}", ${calls})`),
      async read() {
        const length = await ask<number>(`read("${id}")`);
        const read = (at: number): Float32Array =>
          new Float32Array(Uint8Array.from(arrays.get(`${id}/out${at}`)!).buffer);
        return Array.from({ length }, (_, at) => read(at));
      },
      close() {
        ask(`close("${id}")`).catch(() => undefined);
        for (const path of arrays.keys()) if (path.startsWith(`${id}/`)) arrays.delete(path);
      },
    });
  };
}

/**
 * Opens that page in a Chromium without a window.
 * @throws Error where onnxruntime-web was not fetched, or where there is no Chromium or no adapter in it
 */
export async function openInChromium(): Promise<WebGpuPage> {
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
    const failed = new Promise<never>((_, reject) => void tab.once("pageerror", reject));
    failed.catch(() => undefined); // a later error is that of a call, which says so itself
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await Promise.race([failed, tab.waitForFunction("globalThis.bench", undefined, { timeout: 0 })]);
    const ask = <T>(call: string): Promise<T> => tab.evaluate(`bench.${call}`);
    return { version, device: await ask<string>("device()"), open: opener(ask, arrays), close };
  } catch (error) {
    close();
    throw error;
  }
}
