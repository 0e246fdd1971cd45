import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, plainPage } from "../browser.mjs";
import { BUNDLERS, bundle } from "../bundle.mjs";
import { forPages, quickstarts, withoutBundler } from "../install.mjs";

// Pages of the other bundlers, what webpack minifies, and module workers are in the long run.
const user = inject("user");
const programs = quickstarts(user).map((program, i) => ({ ...program, key: `program-${i}` }));
const here = forPages(programs);
const sources = Object.fromEntries(programs.map(({ key, code }) => [key, code]));

test.each(Object.keys(BUNDLERS))("%s bundles every quickstart without a warning", async (bundler) => {
  expect(await bundle(bundler, user, sources, { minify: false })).toEqual([]);
});

describe.runIf(hasChromium)("Chromium", () => {
  let browser;
  beforeAll(async () => (browser = await openBrowser(user)));
  afterAll(() => browser?.close());

  test.each(here)("vite: $title in a page prints what it says", async ({ key, output }) => {
    expect(await browser.run(modulePage(`/built/vite/${key}.js`))).toBe(output);
  });

  test.each(withoutBundler(here))("no bundler: $title prints what it says", async ({ code, output }) => {
    expect(await browser.run(plainPage(code))).toBe(output);
  });

  const threaded = here.filter(({ code }) => code.includes("@dlrt/backend-wasm"));
  test.each(threaded)("cross-origin isolated: $title prints what it says", async ({ code, output }) => {
    expect(await browser.run(plainPage(code), { isolated: true })).toBe(output);
  });
});
