// `pnpm release:names FOLDER` writes an empty version of every package, and says how to publish it; it publishes nothing itself. npm trusts a
// workflow only for a package that exists, so a maintainer publishes these by hand before the first release.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fieldsOf, ownerFaults } from "./owner.mjs";
import { ROOT, publishable } from "./packages.mjs";

/** The empty version, which is below every version that there will be. The ranges of a snapshot, ^0.0.0-canary-…, would take a 0.0.0 as newer. */
export const EMPTY = "0.0.0-0";

/** Writes a folder below `into` for every package. @returns the folders @throws Error as long as the manifests name no repository */
export function writeNames(into, root = ROOT) {
  const faults = ownerFaults(root);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  return publishable(root).map(({ name, folder, manifest: { description, license } }) => {
    const at = join(into, name.replace(/^@\w+\//, ""));
    mkdirSync(at, { recursive: true });
    const { homepage, ...fields } = fieldsOf(folder, root);
    const manifest = { name, version: EMPTY, description, license, homepage, ...fields };
    writeFileSync(join(at, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    writeFileSync(
      join(at, "README.md"),
      `# ${name}\n\nIts first release is on the way; see [the repository](${homepage}).\n`,
    );
    copyFileSync(join(root, "LICENSE"), join(at, "LICENSE"));
    return at;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const [into] = process.argv.slice(2);
    if (into === undefined) throw new Error("expected the folder to write to");
    for (const folder of writeNames(resolve(into)))
      console.log(`npm publish ${folder} --access public --tag latest`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
