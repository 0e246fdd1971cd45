import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, plainPage, scriptPage, workerPage } from "../browser.mjs";
import { BUNDLERS, bundle } from "../bundle.mjs";
import { quickstarts } from "../install.mjs";

const PAGES = { esbuild: modulePage, vite: modulePage, webpack: scriptPage };
const user = inject("user");
const programs = quickstarts(user).map((program, i) => ({ ...program, key: `program-${i}` }));
const here = programs.filter(({ gpu, title }) => !gpu && !title.startsWith("@dlrt/conformance"));
const sources = Object.fromEntries(programs.map(({ key, code }) => [key, code]));

let browser;
beforeAll(async () => {
  if (hasChromium) browser = await openBrowser(user);
});
afterAll(() => browser?.close());

describe.each(Object.keys(BUNDLERS))("%s", (bundler) => {
  let warnings;
  beforeAll(async () => (warnings = await bundle(bundler, user, sources)));
  const pageOf = (key) => PAGES[bundler](`/built/${bundler}/${key}.js`);

  test("bundles every quickstart without a warning", () => expect(warnings).toEqual([]));

  test.runIf(hasChromium).each(here)("$title in a page prints what it says", async ({ key, output }) => {
    expect(await browser.run(pageOf(key))).toBe(output);
  });
});

describe.runIf(hasChromium)("Chromium", () => {
  test.each(here)("module worker: $title prints what it says", async ({ key, output }) => {
    expect(await browser.run(workerPage(`/built/esbuild/${key}.js`))).toBe(output);
  });

  test.each(here)("no bundler: $title prints what it says", async ({ code, output }) => {
    expect(await browser.run(plainPage(code))).toBe(output);
  });

  const threaded = here.filter(({ code }) => code.includes("@dlrt/backend-wasm"));
  test.each(threaded)("cross-origin isolated: $title prints what it says", async ({ code, output }) => {
    expect(await browser.run(plainPage(code), { isolated: true })).toBe(output);
  });
});
