// Builds the whole site as a server has it: pictures, reference and pages, and below bench/ and recall/ the pages of other packages.
import { cpSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { drawPictures } from "./pictures.mjs";
import { writeReference } from "./reference.mjs";

const DOCS = fileURLToPath(new URL("../", import.meta.url));
/** The folders of the site with pages of other packages, and where each package has its built page. */
const PAGES = Object.entries({ bench: "@dlrt/bench-web", recall: "@dlrt/example-recall" }).map(
  ([folder, name]) => [
    folder,
    join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "dist"),
  ],
);

for (const [folder, built] of PAGES) {
  if (!existsSync(join(built, "index.html")))
    throw new Error(`the page of ${folder}/ is not built: \`pnpm site\` builds it first`);
}
drawPictures();
await writeReference();
await build(DOCS);
for (const [folder, built] of PAGES)
  cpSync(built, join(DOCS, ".vitepress/dist", folder), { recursive: true });
