// The whole site as a server has it: pictures, reference and pages, and below bench/ the page that measures.
import { cpSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { drawPictures } from "./pictures.mjs";
import { writeReference } from "./reference.mjs";

const DOCS = fileURLToPath(new URL("../", import.meta.url));
const BENCH = join(dirname(createRequire(import.meta.url).resolve("@dlrt/bench-web/package.json")), "dist");

if (!existsSync(join(BENCH, "index.html")))
  throw new Error("the bench page is not built: `pnpm site` builds it first");
drawPictures();
await writeReference();
await build(DOCS);
cpSync(BENCH, join(DOCS, ".vitepress/dist/bench"), { recursive: true });
