import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readReport } from "@dlrt/bench/compare";
import { chromium as unpacked } from "@dlrt/swiftshader";
import { chromium, type Browser, type Page } from "playwright-core";
import { preview } from "vite";
import type { PageReport } from "../src/page/report.js";
import { WAIT_MS } from "../../../tooling/limits.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export { hasChromium } from "@dlrt/swiftshader";

/** The built page as `pnpm bench:web` serves it; or by a server that sends no headers. */
export async function serve(isolated: boolean): Promise<{ url: string; close(): Promise<void> }> {
  const where = { root, logLevel: "silent" } as const;
  const server = await (isolated
    ? preview({ ...where, preview: { port: 0, host: "127.0.0.1" } })
    : preview({ ...where, configFile: false, preview: { port: 0, host: "127.0.0.1" } }));
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}

export function launch(webgpu: boolean): Promise<Browser> {
  const { args, ...options } = unpacked();
  return chromium.launch({
    ...options,
    timeout: WAIT_MS,
    args: webgpu ? args : args.filter((arg) => !/webgpu|dawn/.test(arg)),
  });
}

/** Errors of the page and its console end up in `faults`. */
export async function open(
  browser: Browser,
  url: string,
  viewport: { width: number; height: number },
): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage({ viewport });
  page.setDefaultTimeout(WAIT_MS);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  await page.goto(url);
  await page.getByText("Ready.", { exact: true }).waitFor();
  return { page, faults };
}

/** Presses Run, and waits until what was measured is there, in the address too. */
export async function run(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run" }).press("Enter");
  await page.locator("#status", { hasText: /^(Done|Stopped)/ }).waitFor();
  await page.waitForFunction(() => location.hash !== "");
  await unfold(page, ".case");
}

/** What a click on the button of this name hands the visitor. */
export async function given(page: Page, name: string): Promise<{ path: string; name: string }> {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name, exact: true }).click(),
  ]);
  return { path: await file.path(), name: file.suggestedFilename() };
}

/** The report as a download, read as `pnpm bench compare` reads it. */
export async function downloaded(page: Page): Promise<PageReport> {
  return readReport((await given(page, "Download JSON")).path) as PageReport;
}

/** A measurement of a second or two. The time it may take is no limit, so that every sample is taken on a busy machine too. */
export const TINY = { sizes: "40, 128", d: "16", heads: "2", repetitions: "3", seconds: "60" };
export const WIDE = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Opens what a narrow screen shows folded. */
export const unfold = (page: Page, selector: string): Promise<void> =>
  page.locator(selector).evaluateAll((all) => {
    for (const one of all) (one as HTMLDetailsElement).open = true;
  });

/** Fills the form's text fields. */
export async function fill(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  await unfold(page, "#settings");
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
}

const SHOTS = join(root, "test-results", "screenshots");

/** For people to look at; the folder is ignored by git. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}
