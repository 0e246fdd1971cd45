// Makes a root apart for tests that write manifests, in which the scripts of tooling/release work on copies.
import { cpSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../packages.mjs";

const RELEASE = "tooling/release";
const MODULES = join(RELEASE, "node_modules");

/** Makes a folder with those scripts, what they import, and copies of `paths` of the repository. The caller removes it. */
export function ownRoot(name, paths) {
  const root = mkdtempSync(join(tmpdir(), `dlrt-${name}-`));
  const scripts = readdirSync(join(ROOT, RELEASE)).filter((file) => file.endsWith(".mjs"));
  for (const path of ["tooling/limits.mjs", ...scripts.map((file) => join(RELEASE, file)), ...paths])
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  symlinkSync(join(ROOT, MODULES), join(root, MODULES), "junction");
  return root;
}
