// Runs the quickstarts that ask for a GPU, on the machine's own or on SwiftShader. It takes about two minutes on two cores.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeForm, runProgram } from "@dlrt/readme";
import { command } from "@dlrt/release/packages";
import { vulkanEnv } from "@dlrt/swiftshader";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hasChromium, modulePage, openBrowser, scriptPage, workerPage } from "../browser.mjs";
import { BUNDLERS, bundle } from "../bundle.mjs";
import { npmInstall, quickstarts } from "../install.mjs";

const PAGES = { esbuild: modulePage, vite: modulePage, webpack: scriptPage };
const user = inject("user");
const programs = quickstarts(user)
  .map((program, i) => ({ ...program, key: `gpu-${i}` }))
  .filter(({ gpu }) => gpu);
const forPages = programs.filter(({ code }) => code !== nodeForm(code));

test("the README of backend-webgpu has a quickstart", () => expect(programs).not.toEqual([]));

// These are the first release that runs where the tests of this project do (glibc 2.34), and the one that the README names.
describe.each(["0.3.3", "0.6.2"])("Node with the package webgpu %s", (version) => {
  beforeAll(() => npmInstall(user, `webgpu@${version}`));

  test.each(programs)("$title prints what it says", async ({ code, output }) => {
    expect(await runProgram(nodeForm(code), { cwd: user, env: vulkanEnv() })).toBe(output);
  });
});

test.runIf(hasChromium)("without a GPU: the README's commands bring a driver in software", async () => {
  const readme = readFileSync(join(user, "node_modules/@dlrt/backend-webgpu/README.md"), "utf8");
  const [, commands] = /^```sh\n([^]+?)^```$/m.exec(readme);
  const [{ code, output }] = programs;
  writeFileSync(join(user, "program.mjs"), nodeForm(code));
  const quiet = { npm_config_loglevel: "silent", npm_config_prefer_offline: "true" };
  const printed = await command("sh", ["-ec", commands], {
    cwd: user,
    env: { ...quiet, VK_ICD_FILENAMES: "none" },
  });
  expect(printed.trimEnd().endsWith(output)).toBe(true);
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
