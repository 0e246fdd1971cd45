// Builds the site once for all long tests, for a folder of its server, as GitHub Pages has it.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const DOCS = fileURLToPath(new URL("../../", import.meta.url));
export const DIST = join(DOCS, ".vitepress/dist");
export const BASE = "/placeholder/";
/** The folders with pages of other packages, of which VitePress knows no more than their addresses. */
export const OTHERS = ["bench", "recall"];

/** Returns the paths of the site's own pages, below its folder. */
export const ownPages = () =>
  readdirSync(DIST, { recursive: true })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".html") && !OTHERS.some((folder) => path.startsWith(`${folder}/`)));

export default function setup() {
  const env = { ...process.env, NODE_ENV: "production", VITEST: undefined, DLRT_SITE_BASE: BASE };
  execFileSync(process.execPath, [join(DOCS, "scripts/build.mjs")], { cwd: DOCS, stdio: "pipe", env });
}
