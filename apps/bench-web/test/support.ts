import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium as unpacked } from "@dlrt/swiftshader";
import { chromium, type Browser, type Page } from "playwright-core";
import { preview } from "vite";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Chromium from the npm registry is built for this alone; elsewhere these tests are skipped. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

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
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  await page.goto(url);
  await page.getByText("Ready.", { exact: true }).waitFor({ timeout: 30_000 });
  return { page, faults };
}

/** Fills the form's text fields. */
export async function fill(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
}

const SHOTS = join(root, "test-results", "screenshots");

/** For people to look at; the folder is ignored by git. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}
