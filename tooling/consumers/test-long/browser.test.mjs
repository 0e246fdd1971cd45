// Every program of a README in a page: bundled by each bundler, without one, and in a module worker.
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, plainPage, scriptPage, workerPage } from "../browser.mjs";
import { bundle } from "../bundle.mjs";
import { forPages, quickstarts, withoutTensorFlow } from "../install.mjs";

const PAGES = { esbuild: modulePage, vite: modulePage, webpack: scriptPage };
const user = inject("user");
const programs = forPages(quickstarts(user)).map((program, i) => ({ ...program, key: `page-${i}` }));
const sources = Object.fromEntries(programs.map(({ key, code }) => [key, code]));

describe.runIf(hasChromium)("Chromium", () => {
  let browser;
  beforeAll(async () => (browser = await openBrowser(user)));
  afterAll(() => browser?.close());

  describe.each(Object.keys(PAGES))("%s", (bundler) => {
    test("bundles every program, minified, without a warning", async () => {
      expect(await bundle(bundler, user, sources)).toEqual([]);
    });

    test.each(programs)("$title in a page prints what it says", async ({ key, output }) => {
      expect(await browser.run(PAGES[bundler](`/built/${bundler}/${key}.js`))).toBe(output);
    });
  });

  test.each(withoutTensorFlow(programs))(
    "no bundler: $title prints what it says",
    async ({ code, output }) => {
      expect(await browser.run(plainPage(code))).toBe(output);
    },
  );

  test.each(programs)("module worker: $title prints what it says", async ({ key, output }) => {
    expect(await browser.run(workerPage(`/built/esbuild/${key}.js`))).toBe(output);
  });
});
