import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium as unpacked, hasChromium } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { preview } from "vite";
import { WAIT_MS } from "../../../tooling/limits.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

describe.runIf(hasChromium)("the built page in Chromium", () => {
  let browser;
  let server;
  beforeAll(async () => {
    server = await preview({ root, logLevel: "silent", preview: { port: 0, host: "127.0.0.1" } });
    browser = await chromium.launch({ ...unpacked(), timeout: WAIT_MS });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function open(query, viewport) {
    const page = await browser.newPage({ viewport });
    page.setDefaultTimeout(WAIT_MS);
    const faults = [];
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(`${server.resolvedUrls.local[0]}?${query}`);
    await page.getByText("Ready.", { exact: true }).waitFor();
    return { page, faults };
  }

  test("three models train, and their curves, answers and states are drawn", async () => {
    const { page, faults } = await open("steps=2&backend=wasm", { width: 390, height: 844 });
    await page.getByRole("button", { name: "Train" }).click();
    await page.getByText("Done.", { exact: true }).waitFor();
    expect(await page.locator("tbody tr").count()).toBe(3);
    for (const row of await page.locator("tbody tr").all())
      expect(await row.innerText()).toMatch(/\d+\.\d %\s+\d\.\d{3}\s+2 of 2\s+\d+ s\s+44\d{3}/);
    expect(await page.locator(".curve").count()).toBe(3);
    expect(await page.locator(".answer").count()).toBe(3 * 8 * 32);
    expect(await page.locator(".write").count()).toBe(3 * 32);
    await page.locator("#pair").fill("30");
    expect(await page.locator("#pair-text").innerText()).toMatch(/^after pair 31 of 32: key \d ← value \d+/);
    const sizes = await page.locator("#matrices .size").allInnerTexts();
    expect(sizes).toHaveLength(2);
    for (const size of sizes) expect(Number(size.replace("size ", ""))).toBeGreaterThan(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(faults).toEqual([]);
    await page.close();
  });

  test("Stop ends it", async () => {
    const { page, faults } = await open("steps=5000", { width: 1280, height: 900 });
    await page.getByRole("button", { name: "Train" }).click();
    await page.locator(".parameters", { hasText: "44" }).first().waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Done.", { exact: true }).waitFor();
    expect(await page.locator(".accuracy", { hasText: "stopped" }).count()).toBeGreaterThan(0);
    expect(faults).toEqual([]);
    await page.close();
  });
});
