// In pages the default run has one program for each entry of the packages. The long run has every program, by every bundler and by none,
// in module workers too, and what webpack makes of TensorFlow.js, which takes it as long as all the rest.
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, plainPage } from "../browser.mjs";
import { BUNDLERS, bundle } from "../bundle.mjs";
import { firstOfEachEntry, forPages, quickstarts, withoutTensorFlow } from "../install.mjs";

const user = inject("user");
const programs = quickstarts(user).map((program, i) => ({ ...program, key: `program-${i}` }));
const here = forPages(programs);
const bundled = { esbuild: programs, vite: programs, webpack: withoutTensorFlow(programs) };

test.each(Object.keys(BUNDLERS))("%s bundles quickstarts without a warning", async (bundler) => {
  const sources = Object.fromEntries(bundled[bundler].map(({ key, code }) => [key, code]));
  expect(await bundle(bundler, user, sources, { minify: false })).toEqual([]);
});

describe.runIf(hasChromium)("Chromium", () => {
  let browser;
  beforeAll(async () => (browser = await openBrowser(user)));
  afterAll(() => browser?.close());

  test.each(firstOfEachEntry(here))("vite: $title in a page prints what it says", async ({ key, output }) => {
    expect(await browser.run(modulePage(`/built/vite/${key}.js`))).toBe(output);
  });

  test.each(firstOfEachEntry(withoutTensorFlow(here)))(
    "no bundler: $title prints what it says",
    async ({ code, output }) => {
      expect(await browser.run(plainPage(code))).toBe(output);
    },
  );

  const threaded = here.filter(({ code }) => code.includes("@dlrt/backend-wasm"));
  test.each(threaded)("cross-origin isolated: $title prints what it says", async ({ code, output }) => {
    expect(await browser.run(plainPage(code), { isolated: true })).toBe(output);
  });
});
