// Runs the page in a headless Chromium, where `pnpm bench peers` has fetched onnxruntime-web. Nothing is fetched here.
import { fileURLToPath } from "node:url";
import { fetchedVersion, PEERS } from "@dlrt/peers";
import { chromium as fromNpm } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { createServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WAIT_MS } from "../../../tooling/limits.mjs";

const NAME = "onnxruntime-web";
const there = fetchedVersion(NAME) !== undefined;
let server, browser;

beforeAll(async () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  server = await createServer({ root, logLevel: "error", server: { port: 0 } });
  await server.listen();
  browser = await chromium.launch({ ...fromNpm(), timeout: WAIT_MS });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens the page, and returns what it found and what it shows. */
async function open(query) {
  const page = await browser.newPage();
  await page.goto(`${server.resolvedUrls.local[0]}?${query}`);
  await page.waitForFunction("globalThis.result", undefined, { timeout: WAIT_MS });
  const [result, shown] = [
    await page.evaluate("globalThis.result"),
    await page.locator("#report").textContent(),
  ];
  await page.close();
  return { ...result, shown };
}

test.runIf(!there)(`without ${NAME} the page says how to get it`, async ({ skip }) => {
  const { error, shown } = await open("");
  expect(error).toBe(`${NAME} ${PEERS[NAME]} is not here: pnpm bench peers fetches it`);
  expect(shown).toContain(error);
  skip(`${error}; nothing was compared`);
});

test.runIf(there)(
  "on one device, in shared buffers, the layer gives what it gives with onnxruntime's mixer",
  async () => {
    const found = await open("tokens=67&heads=2&width=32&repetitions=1");
    expect(found.error).toBeUndefined();
    for (const [what, x] of Object.entries(found.differences)) expect(x, what).toBeLessThan(1e-6);
    expect(Object.keys(found.differences)).toEqual(["output", "state"]);
    expect(found.left).toEqual({ tensors: 0, bytes: 0 });
    expect(found.shown).toContain("of ours");
  },
);

test.runIf(there)("sizes that cannot be are told by the page", async () => {
  const { error } = await open("tokens=8&heads=3&width=32");
  expect(error).toMatch(/^model /);
});
