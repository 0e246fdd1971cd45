// Measures in Chromium how a phone and a wide screen lay the pages out, which nothing without a layout engine can tell.
import { readFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium as unpacked, hasChromium } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WAIT_MS } from "../../../../tooling/limits.mjs";
import { BASE, DIST, ownPages } from "./build.mjs";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const pages = ownPages();

let server;
let browser;
beforeAll(async () => {
  if (!hasChromium) return;
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://127.0.0.1");
    const file = join(DIST, pathname.slice(BASE.length));
    if (!pathname.startsWith(BASE) || !existsSync(file) || extname(file) === "")
      return response.writeHead(404).end();
    return response
      .writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" })
      .end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch({ ...unpacked(), timeout: WAIT_MS });
});
afterAll(async () => {
  await browser?.close();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve()));
});

/** Returns what a reader would have to scroll sideways, the page itself and equations in it, in px, and the pictures that are missing. */
function measure() {
  const { scrollWidth, clientWidth } = document.documentElement;
  const over = (element) => element.scrollWidth - element.clientWidth;
  const equations = [...document.querySelectorAll(".equation")].filter((element) => over(element) > 0);
  const hidden = [...document.images].filter((image) => image.complete && image.naturalWidth === 0);
  return {
    page: Math.max(0, scrollWidth - clientWidth),
    equations: equations.map(
      (element) => `${over(element)} px: ${element.querySelector("annotation").textContent}`,
    ),
    pictures: hidden.map((image) => image.src),
  };
}

describe.runIf(hasChromium).each([
  ["a phone", { width: 390, height: 844 }, "light"],
  ["a dark phone", { width: 390, height: 844 }, "dark"],
  ["a wide screen", { width: 1280, height: 800 }, "light"],
])("on %s", (_, viewport, colorScheme) => {
  let tab;
  beforeAll(async () => {
    tab = await browser.newPage({ viewport, colorScheme });
    tab.setDefaultTimeout(WAIT_MS);
  });
  afterAll(() => tab.close());

  test.each(pages)("%s needs no scrolling sideways", async (page) => {
    const { port } = server.address();
    await tab.goto(`http://127.0.0.1:${port}${BASE}${page}`, { waitUntil: "load" });
    await tab.evaluate(() => document.fonts.ready.then(() => undefined));
    expect(await tab.evaluate(measure)).toEqual({ page: 0, equations: [], pictures: [] });
  });
});
