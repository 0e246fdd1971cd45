import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { reportText, type Report } from "@dlrt/conformance";
import { chromium as fromNpm } from "@dlrt/swiftshader";
import { build } from "esbuild";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WAIT_MS } from "../../../../tooling/limits.mjs";

let server: Server;
let browser: Browser;
let page: Page;

async function bundle(): Promise<string> {
  const entryPoints = [new URL("page.ts", import.meta.url).pathname];
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

beforeAll(async () => {
  const script = await bundle();
  server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch({ ...fromNpm(), timeout: WAIT_MS });
  page = await browser.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction("'judge' in globalThis");
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

test("conformance holds in a headless Chromium page", async () => {
  const options = { maxN: 200, maxWork: 2 ** 14, cases: 2, skip: ["65535"] };
  const report = await page.evaluate<Report>(`judge(${JSON.stringify(options)})`);
  console.log(reportText({ ...report, notRun: [] }));
  expect(report.failures).toEqual([]);
  expect(report.cases).toBeGreaterThan(100);
});

test("the gradients of layers with a delta rule, which have kernels of their own, hold there too", async () => {
  const only = ["deltaRule", "gatedDeltaRule", "kimiDeltaAttention"].map((name) => `gradients of ${name}`);
  const options = { maxN: 200, maxWork: 2 ** 13, cases: 2, only };
  const report = await page.evaluate<Report>(`judgeLayers(${JSON.stringify(options)})`);
  console.log(reportText({ ...report, notRun: [] }));
  expect(report.failures).toEqual([]);
  expect(report.cases).toBeGreaterThan(5);
});
