// Runs pages under rules in Chromium: of other origins, with a Content-Security-Policy, as service workers. It takes half a minute on two cores.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  hasChromium,
  importMap,
  openBrowser,
  plainPage,
  serviceWorker,
  serviceWorkerPage,
} from "../browser.mjs";
import { ANSWER, IMPORTS, right } from "../programs.mjs";

const user = inject("user");
const WORKER = "/node_modules/@dlrt/backend-wasm/dist/worker.mjs";
const WASM = "/node_modules/@dlrt/backend-wasm/dist/simd.wasm";
const program = (...calls) =>
  `${IMPORTS()}\n${ANSWER}\n${calls.map((call) => `console.log(JSON.stringify(await answer(${call})));`).join("\n")}`;

describe.runIf(hasChromium)("Chromium", () => {
  let browser;
  beforeAll(async () => (browser = await openBrowser(user)));
  afterAll(() => browser?.close());
  const printed = async (html, options) =>
    (await browser.run(html, options)).split("\n").map((line) => JSON.parse(line));

  test("imported from another origin: threads with a worker of the page's own, else one thread and the remedy", async () => {
    const calls = program(
      "createWasmBackend, { threads: 2 }",
      `createWasmBackend, { threads: 2, workerUrl: "/isolated${WORKER}" }`,
      "createWasmBackend, { threads: 1 }",
      "createJsBackend",
    );
    const found = await printed(plainPage(calls, browser.elsewhere), { isolated: true });
    expect(found).toEqual([
      { ...right("simd"), fallback: expect.stringMatching(/^one thread: .*pass workerUrl.*own origin/) },
      right("simd+threads (2)"),
      right("simd"),
      right("js"),
    ]);
  });

  describe("Content-Security-Policy", () => {
    const under = (policy, calls, options) =>
      printed(plainPage(calls, options?.isolated && "/isolated"), {
        ...options,
        headers: { "content-security-policy": policy },
      });
    const strict = "default-src 'self'; script-src 'self' 'unsafe-inline'";

    test("without 'wasm-unsafe-eval': the error names it, and plain JavaScript runs", async () => {
      const calls = program(
        "createWasmBackend, { threads: 1 }",
        `createWasmBackend, { threads: 1, wasmUrl: "${WASM}" }`,
        "createJsBackend",
      );
      const refused = { error: "UnsupportedError", message: expect.stringContaining("'wasm-unsafe-eval'") };
      expect(await under(strict, calls)).toEqual([
        { ...refused, argument: "backend" },
        { ...refused, argument: "wasmUrl" },
        right("js"),
      ]);
    });

    test("with it all runs, threads too", async () => {
      const calls = program("createWasmBackend, { threads: 1 }", "createWasmBackend, { threads: 2 }");
      const found = await under(`${strict} 'wasm-unsafe-eval'`, calls, { isolated: true });
      expect(found).toEqual([right("simd"), right("simd+threads (2)")]);
    });

    test("that forbids workers: one thread, and why", async () => {
      const calls = program("createWasmBackend, { threads: 2 }");
      const found = await under(`${strict} 'wasm-unsafe-eval'; worker-src 'none'`, calls, { isolated: true });
      expect(found).toEqual([
        { ...right("simd"), fallback: expect.stringMatching(/^one thread: .*threads: 1/) },
      ]);
    });
  });

  describe("service worker", () => {
    const { imports } = importMap("/open");
    const own = [
      `createWasmBackend, { threads: 1 }`,
      `createWasmBackend, { threads: 1, wasmUrl: "${WASM}" }`,
      `createWasmBackend, { threads: 1, module: await WebAssembly.compileStreaming(fetch("${WASM}")) }`,
      "createJsBackend",
    ];
    const main = own.map((call) => `console.log(JSON.stringify(await answer(${call})));`).join("\n");

    test("unbundled: it has no import(), so the error asks for wasmUrl or module; with either it computes", async () => {
      const script = browser.script(serviceWorker(`${IMPORTS((name) => imports[name])}\n${ANSWER}`, main));
      expect(await printed(serviceWorkerPage(script))).toEqual([
        {
          error: "UnsupportedError",
          argument: "backend",
          message: expect.stringMatching(/bundle.*`wasmUrl` or `module`/),
        },
        right("simd"),
        right("simd"),
        right("js"),
      ]);
    });

    test("bundled into one file it needs neither", async () => {
      const entry = join(user, "service-worker.js");
      writeFileSync(entry, serviceWorker(`${IMPORTS()}\n${ANSWER}`, main));
      const { outputFiles } = await build({
        ...{
          entryPoints: [entry],
          bundle: true,
          format: "esm",
          target: "es2022",
          write: false,
          logLevel: "silent",
        },
      });
      const found = await printed(serviceWorkerPage(browser.script(outputFiles[0].text)));
      expect(found).toEqual([right("simd"), right("simd"), right("simd"), right("js")]);
    });
  });
});
