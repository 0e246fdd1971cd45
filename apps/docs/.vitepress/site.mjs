// Says where the site is, and where the repository is.
import { readFileSync } from "node:fs";

const root = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

/** The address of the repository once its owner has filled it in (`pnpm release:owner`), undefined until then. */
export const REPOSITORY = root.repository;

/** Returns the folder in which a server has the site, "/" or "/NAME/". .github/workflows/pages.yml sets that of GitHub Pages. */
export function baseOf(given = process.env.DLRT_SITE_BASE ?? "/") {
  return `/${given}/`.replace(/\/+/g, "/");
}
