import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { downloaded, fill, hasChromium, launch, open, run, serve, TINY, WIDE } from "../support.js";

let server: Awaited<ReturnType<typeof serve>> | undefined;
let browser: Browser | undefined;

beforeAll(async () => {
  if (hasChromium) [server, browser] = await Promise.all([serve(true), launch(false)]);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

test.runIf(hasChromium)("the other operations, workloads and dtypes run", async () => {
  const { page, faults } = await open(browser!, `${server!.url}?threads=1`, WIDE);
  await fill(page, { ...TINY, sizes: "65" });
  const plans = [
    ["apply", "correlated", "f64"],
    ["inverse", "seed", "f32"],
    ["trilInverse", "text", "f64"],
    ["solveVjp", "text", "f32"],
  ] as const;
  for (const [operation, workload, dtype] of plans) {
    await page.selectOption('[name="operation"]', operation);
    await page.selectOption('[name="workload"]', workload);
    await page.selectOption('[name="dtype"]', dtype);
    await run(page);
    const [found] = (await downloaded(page)).cases;
    expect(found).toMatchObject({ operation, workload, dtype });
    const own = found!.rows.filter(({ kind }) => kind === "backend");
    expect(own.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "js ok",
      "wasm ok",
      "wasm relaxed ok",
    ]);
  }
  expect(faults).toEqual([]);
  await page.close();
});
