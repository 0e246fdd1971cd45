import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, scriptPage, workerPage } from "../browser.mjs";
import { bundle } from "../bundle.mjs";
import { forPages, quickstarts } from "../install.mjs";

const PAGES = { esbuild: modulePage, webpack: scriptPage };
const user = inject("user");
const programs = forPages(quickstarts(user)).map((program, i) => ({ ...program, key: `page-${i}` }));
const sources = Object.fromEntries(programs.map(({ key, code }) => [key, code]));

describe.runIf(hasChromium)("Chromium", () => {
  let browser;
  beforeAll(async () => {
    browser = await openBrowser(user);
    for (const bundler of Object.keys(PAGES)) await bundle(bundler, user, sources);
  });
  afterAll(() => browser?.close());

  describe.each(Object.keys(PAGES))("%s", (bundler) => {
    test.each(programs)("$title in a page prints what it says", async ({ key, output }) => {
      expect(await browser.run(PAGES[bundler](`/built/${bundler}/${key}.js`))).toBe(output);
    });
  });

  test.each(programs)("module worker: $title prints what it says", async ({ key, output }) => {
    expect(await browser.run(workerPage(`/built/esbuild/${key}.js`))).toBe(output);
  });
});
