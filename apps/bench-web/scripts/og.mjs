// The picture that sites show beside a link to this page, from what the bench has saved: `pnpm --filter @dlrt/bench-web og`.
// Drawn in Chromium by the code that draws a visitor's own result; what it says is in the file in words too, and tested.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium as unpacked } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { createServer } from "vite";
import { savedCard } from "./saved.mjs";
import { withText } from "./png.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const server = await createServer({ root, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
await server.listen();
const browser = await chromium.launch(unpacked());
try {
  const card = await savedCard();
  const page = await browser.newPage();
  const empty = new URL("empty", server.resolvedUrls.local[0]).href;
  await page.route(empty, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(empty);
  const drawing = "/src/share/card.ts"; // as the server has it
  const base64 = await page.evaluate(
    async ([from, shown]) => {
      const { pngOf } = await import(from);
      const bytes = new Uint8Array(await (await pngOf(shown)).arrayBuffer());
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    },
    [drawing, card],
  );
  const png = withText(Buffer.from(base64, "base64"), "card", JSON.stringify(card));
  writeFileSync(new URL("../public/og.png", import.meta.url), png);
  console.log(`public/og.png: ${card.headline}, ${card.under}; ${png.length} bytes`);
} finally {
  await browser.close();
  await server.close();
}
