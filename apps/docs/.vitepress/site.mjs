// Where the site is, and where the repository is.
import { readFileSync } from "node:fs";

const root = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

/** The address of the repository once its owner has filled it in (`pnpm release:owner`), undefined until then. */
export const REPOSITORY = root.repository;

/** The folder that a server has the site in, "/" or "/NAME/": GitHub Pages' is set by .github/workflows/pages.yml. */
export function baseOf(given = process.env.DLRT_SITE_BASE ?? "/") {
  return `/${given}/`.replace(/\/+/g, "/");
}
