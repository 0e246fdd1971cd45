// Builds the site once for all long tests, in a folder of its server's as GitHub Pages has it.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const DOCS = fileURLToPath(new URL("../../", import.meta.url));
export const DIST = join(DOCS, ".vitepress/dist");
export const BASE = "/placeholder/";

export default function setup() {
  const env = { ...process.env, NODE_ENV: "production", VITEST: undefined, DLRT_SITE_BASE: BASE };
  execFileSync(process.execPath, [join(DOCS, "scripts/build.mjs")], { cwd: DOCS, stdio: "pipe", env });
}
