import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createJsBackend } from "@dlrt/backend-js";
import { chromium as browser } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { afterAll, expect, test } from "vitest";
import { isRight } from "../src/harness/accuracy/residual.js";
import { backendContender } from "../src/harness/contenders/contender.js";
import { environment } from "../src/harness/environment.js";
import { operations } from "../src/harness/operations/index.js";
import { sparing } from "../src/harness/contenders/contender.js";
import { dense } from "../src/peers/dense.js";
import { plantedWrong } from "../src/harness/contenders/planted.js";
import { fitExponent } from "../src/scaling/fit.js";
import { scalingHtml } from "../src/scaling/html.js";
import { renderScaling } from "../src/command-line/text/scaling.js";
import { runScaling, type ScalingReport } from "../src/scaling/sweep.js";
import { problem } from "./problems.js";

const folder = mkdtempSync(join(tmpdir(), "dlrt-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the exponent of an exact power, with no error; of a noisy one, with it", () => {
  for (const exponent of [1, 2, 3]) {
    const fit = fitExponent([10, 20, 40, 80].map((n) => [n, 3 * n ** exponent]));
    expect(fit.exponent).toBeCloseTo(exponent, 12);
    expect(fit.error).toBeLessThan(1e-7);
  }
  const noisy = fitExponent([
    [1, 1],
    [2, 2.5],
    [4, 3.5],
    [8, 9],
  ]);
  // By hand: x = 0, 1, 2, 3 in log₂; slope and its error of y = 0, 1.3219, 1.8074, 3.1699.
  expect(noisy.exponent).toBeCloseTo(0.9995, 3);
  expect(noisy.error).toBeCloseTo(0.12134, 4);
  expect(() =>
    fitExponent([
      [1, 1],
      [2, 4],
      [2, 5],
    ]),
  ).toThrow(/three sizes/);
});

test("the dense peer is right, and spared what takes minutes", async () => {
  for (const name of ["solve", "inverse"] as const) {
    const of = problem({ n: 45 });
    const run = dense.open(operations[name], of, undefined);
    await run.call();
    expect(isRight(operations[name].judge(of, await run.read()))).toBe(true);
    expect(sparing(dense).refuses(operations[name], { ...of, n: 1e5 })).toMatch(/--patient/);
  }
  expect(dense.refuses(operations.apply, problem())).toBe("solves and inverts only");
});

async function sweep(): Promise<ScalingReport> {
  const planted = plantedWrong();
  const js = backendContender("js", createJsBackend());
  const report = await runScaling({
    contenders: [js, planted, dense],
    missing: [{ name: "</script><b>none</b>", reason: "test" }],
    environment: environment(),
    workload: "text",
    ...{ solveSizes: [64, 128, 256], inverseSizes: [32, 64], chunkSize: 64, chunks: [8, 16] },
    ...{ d: 8, heads: 1, seed: 1, repetitions: 3, seconds: 1 },
  });
  for (const contender of [planted, js]) await contender.dispose();
  return report;
}

const report = await sweep();

test("every size and chunk once for every contender; wrong answers have no time and no fit", () => {
  const shown = report.points.map(({ sweep: s, name, n, chunk, status }) => [s, name, n, chunk, status]);
  for (const n of [64, 128, 256]) {
    expect(shown).toContainEqual(["solve", "js", n, null, "ok"]);
    expect(shown).toContainEqual(["solve", "planted", n, null, "wrong"]);
    expect(shown).toContainEqual(["solve", "form T", n, null, "ok"]);
  }
  expect(shown).toContainEqual(["chunk", "js", 64, 16, "ok"]);
  expect(shown.length).toBe(3 * 3 + 3 * 2 + 2 * 2);
  for (const { status, ms } of report.points) expect(ms !== undefined).toBe(status === "ok");
  expect(report.fits.map(({ sweep: s, name, sizes }) => [s, name, sizes])).toEqual([
    ["solve", "js", [64, 128, 256]],
    ["solve", "form T", [64, 128, 256]],
  ]);
});

test("the table stays within 80 columns and names what was wrong", () => {
  const text = renderScaling(report, false);
  expect(Math.max(...text.split("\n").map((line) => [...line].length))).toBeLessThanOrEqual(80);
  expect(text).toContain("WRONG: solve, planted, n = 64");
  expect(renderScaling({ ...report, fits: [] }, false)).toContain("need three sizes");
});

test.skipIf(process.platform !== "linux")(
  "the report draws its charts in a browser without a network",
  async () => {
    const file = join(folder, "scaling.html");
    writeFileSync(file, scalingHtml(report));
    const running = await chromium.launch(browser());
    try {
      const context = await running.newContext({ offline: true });
      const page = await context.newPage();
      const [faults, requests]: [string[], string[]] = [[], []];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("request", (request) => requests.push(request.url()));
      const url = pathToFileURL(file).href;
      await page.goto(url);
      expect(await page.locator("section").count()).toBe(4);
      expect(await page.locator("section h2").allTextContents()).toEqual([
        "solve: time against n",
        "inverse: time against n",
        "solve: speed against chunk",
        "Error against n",
      ]);
      for (const chart of await page.locator("section").all()) {
        expect(await chart.locator("circle").count()).toBeGreaterThan(1);
      }
      expect(await page.locator("#points tr").count()).toBe(report.points.length + 1);
      expect(faults).toEqual([]);
      expect(requests).toEqual([url]);
    } finally {
      await running.close();
    }
  },
);
