// Where the repository lives: `repository` of the root package.json is the one place, empty until the owner fills it in with
//   npx -y pnpm@12.21.0 release:owner https://github.com/OWNER/NAME
// which writes what npm wants to know into every package's manifest too. Nothing else may be written there by hand.
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, publishable } from "./packages.mjs";

/** Trusted publishing from GitHub's workflow is what .github/workflows/release.yml does, so the address is GitHub's. */
const ADDRESS = /^https:\/\/github\.com\/[\w-]+\/[\w.-]+(?<!\.git)$/;

export const NOBODY =
  "npm refuses a publish with provenance from a package that names no repository (E422), and nobody has named one yet: " +
  "`npx -y pnpm@12.21.0 release:owner https://github.com/OWNER/NAME` writes it into every manifest.";

const read = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const write = (folder, manifest) =>
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

/** The address in the root manifest, undefined where there is none. */
export const ownerOf = (root = ROOT) => read(root).repository;

/** What the manifest in `folder` must say when the repository is at `address`. */
export function fieldsOf(address, folder, root = ROOT) {
  const directory = relative(root, folder).replaceAll("\\", "/");
  return {
    homepage: `${address}/tree/main/${directory}#readme`,
    bugs: { url: `${address}/issues` },
    repository: { type: "git", url: `git+${address}.git`, directory },
  };
}

/** Writes `address` into the root manifest and what follows from it into every package's. @throws Error when it is no repository */
export function fillIn(address, root = ROOT) {
  if (!ADDRESS.test(address ?? "")) {
    throw new Error(`expected https://github.com/OWNER/NAME, got ${address ?? "nothing"}`);
  }
  const put = (folder, fields) => {
    const { name, version, description, license, ...rest } = { ...read(folder), ...fields };
    for (const key of Object.keys(fields)) delete rest[key];
    write(folder, { name, version, description, license, ...fields, ...rest });
  };
  put(root, { repository: address });
  for (const { folder } of publishable(root)) put(folder, fieldsOf(address, folder, root));
}

/**
 * What npm would refuse of a publish with provenance, and what would be wrong on its pages: one line per fault.
 * In a workflow, `env` says which repository the provenance will name; npm compares the two letter by letter.
 */
export function ownerFaults(root = ROOT, env = {}) {
  const address = ownerOf(root);
  if (address === undefined) return [NOBODY];
  if (!ADDRESS.test(address))
    return [`package.json: repository is ${address}, not https://github.com/OWNER/NAME`];
  const faults = [];
  const { GITHUB_REPOSITORY: running, GITHUB_SERVER_URL: server = "https://github.com" } = env;
  if (running && `${server}/${running}` !== address) {
    faults.push(`package.json: repository is ${address}, the provenance will say ${server}/${running}`);
  }
  for (const { name, folder, manifest } of publishable(root)) {
    for (const [key, value] of Object.entries(fieldsOf(address, folder, root))) {
      if (JSON.stringify(manifest[key]) !== JSON.stringify(value)) {
        faults.push(`${name}: ${key} is ${JSON.stringify(manifest[key])}, expected ${JSON.stringify(value)}`);
      }
    }
  }
  return faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    fillIn(process.argv[2]);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
