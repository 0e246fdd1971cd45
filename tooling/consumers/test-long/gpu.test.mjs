// The quickstarts that ask for a GPU, on the machine's own or on SwiftShader: about a minute on two cores.
import { nodeForm, runProgram } from "@dlrt/readme";
import { command } from "@dlrt/release/packages";
import { vulkanEnv } from "@dlrt/swiftshader";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, scriptPage, workerPage } from "../browser.mjs";
import { BUNDLERS, bundle } from "../bundle.mjs";
import { quickstarts } from "../install.mjs";

const PAGES = { esbuild: modulePage, vite: modulePage, webpack: scriptPage };
const user = inject("user");
const programs = quickstarts(user)
  .map((program, i) => ({ ...program, key: `gpu-${i}` }))
  .filter(({ gpu }) => gpu);
const forPages = programs.filter(({ code }) => code !== nodeForm(code));

test("the README of backend-webgpu has a quickstart", () => expect(programs).not.toEqual([]));

describe("Node with the package webgpu", () => {
  beforeAll(async () => {
    const args = [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--loglevel=error",
      "webgpu@0.6.2",
    ];
    await command("npm", args, { cwd: user });
  });

  test.each(programs)("$title prints what it says", async ({ code, output }) => {
    expect(await runProgram(nodeForm(code), { cwd: user, env: vulkanEnv() })).toBe(output);
  });
});

describe.runIf(hasChromium && forPages.length > 0)("Chromium", () => {
  let browser;
  const sources = Object.fromEntries(forPages.map(({ key, code }) => [key, code]));
  beforeAll(async () => {
    browser = await openBrowser(user);
    for (const bundler of Object.keys(BUNDLERS)) await bundle(bundler, user, sources);
  });
  afterAll(() => browser?.close());

  describe.each(Object.keys(BUNDLERS))("%s", (bundler) => {
    test.each(forPages)("$title in a page prints what it says", async ({ key, output }) => {
      const printed = await browser.run(PAGES[bundler](`/built/${bundler}/${key}.js`));
      expect(printed).toBe(output);
    });
  });

  test.each(forPages)("module worker: $title prints what it says", async ({ key, output }) => {
    expect(await browser.run(workerPage(`/built/esbuild/${key}.js`))).toBe(output);
  });
});
