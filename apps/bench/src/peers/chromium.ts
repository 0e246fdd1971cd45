import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fetchedVersion, PEERS, peersFolder } from "@dlrt/peers";
import { chromium as unpacked } from "@dlrt/swiftshader";
import type { Page, Route } from "playwright-core";
import type { Run } from "../harness/index.js";
import { remoteRun } from "./remote.js";

const NAME = "onnxruntime-web";
const root = join(import.meta.dirname, "..", "..");
const { resolve } = createRequire(import.meta.url);

/** Arrays on their way to the page and back, by their paths `id/name`. */
type Arrays = Map<string, Uint8Array>;

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

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

/** Where the page stands: Chromium never asks the network, as every request is answered here. */
const ORIGIN = "https://bench.invalid/";
/** These isolate the page, so that its clock is fine. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Answers what the page asks for, and takes the arrays that it sends. */
const serve = (tab: Page, arrays: Arrays): Promise<unknown> =>
  tab.route(`${ORIGIN}**`, (route: Route) => {
    const request = route.request();
    const { pathname: path } = new URL(request.url());
    try {
      if (request.method() === "POST") {
        arrays.set(path.slice(6), request.postDataBuffer()!);
        return route.fulfill({ headers: ISOLATION });
      }
      const [contentType, body] = contentOf(path, arrays);
      return route.fulfill({
        headers: { ...ISOLATION, "Content-Type": contentType },
        body: Buffer.from(body),
      });
    } catch {
      return route.fulfill({ status: 404 });
    }
  });

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
  const browser = await chromium.launch(unpacked());
  const close = (): void => void browser.close();
  try {
    const tab = await browser.newPage();
    await serve(tab, arrays);
    const failed = new Promise<never>((_, reject) => void tab.once("pageerror", reject));
    failed.catch(() => undefined); // a later error is that of a call, which says so itself
    await tab.goto(ORIGIN);
    await Promise.race([failed, tab.waitForFunction("globalThis.bench", undefined, { timeout: 0 })]);
    const ask = <T>(call: string): Promise<T> => tab.evaluate(`bench.${call}`);
    return { version, device: await ask<string>("device()"), open: opener(ask, arrays), close };
  } catch (error) {
    close();
    throw error;
  }
}
