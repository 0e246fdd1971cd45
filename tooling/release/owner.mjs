// Says whose the repository is and where it lives. That stands in one place, in `author`, `funding` and `repository` of the root package.json.
// The address and the funding are absent until the owner fills them in with
//   npx -y pnpm@12.21.0 release:owner https://github.com/OWNER/NAME --author "NAME (URL)" --funding URL
// which also writes what npm wants to know into the manifest of every package. Without arguments it does that for new packages.
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ROOT, publishable } from "./packages.mjs";

/** The form of the address. It is GitHub's, because .github/workflows/release.yml is what npm trusts to publish. */
const ADDRESS = /^https:\/\/github\.com\/[\w-]+\/[\w.-]+(?<!\.git)$/;

export const NOBODY =
  "npm refuses a publish with provenance from a package that names no repository (E422), and nobody has named one yet: " +
  "`npx -y pnpm@12.21.0 release:owner https://github.com/OWNER/NAME` writes it into every manifest.";

const read = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const write = (folder, manifest) =>
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

/** Returns the address in the root manifest, or undefined where there is none. */
export const ownerOf = (root = ROOT) => read(root).repository;

/** Returns what the manifest in `folder` must say, by the root's. What is undefined there must be absent here. */
export function fieldsOf(folder, root = ROOT) {
  const { author, funding, repository: address } = read(root);
  if (address === undefined) return { author, funding };
  const directory = relative(root, folder).replaceAll("\\", "/");
  return {
    homepage: `${address}/tree/main/${directory}#readme`,
    bugs: { url: `${address}/issues` },
    author,
    funding,
    repository: { type: "git", url: `git+${address}.git`, directory },
  };
}

/** Returns "NAME <EMAIL> (URL)", in which email and URL may be missing, as the object that npm makes of it. @throws Error without a name */
export function personOf(text) {
  const { name, email, url } =
    /^(?<name>[^<(]*[^<( ]) *(?:<(?<email>[^>]+)>)? *(?:\((?<url>https:[^)]+)\))?$/.exec(text)?.groups ?? {};
  if (name === undefined)
    throw new Error(`--author: expected "NAME <EMAIL> (URL)", got ${text || "nothing"}`);
  return { name, ...(email && { email }), ...(url && { url }) };
}

/**
 * Writes what is given into the root manifest, and what follows from it into the manifest of every package.
 * @throws Error when the address is no repository, the author has no name, or the funding is no URL
 */
export function fillIn({ address, author, funding } = {}, root = ROOT) {
  if (address !== undefined && !ADDRESS.test(address)) {
    throw new Error(`expected https://github.com/OWNER/NAME, got ${address || "nothing"}`);
  }
  if (funding !== undefined && !/^https:\/\/./.test(funding)) {
    throw new Error(`--funding: expected https://…, got ${funding || "nothing"}`);
  }
  const put = (folder, fields) => {
    const { name, version, description, license, ...rest } = { ...read(folder), ...fields };
    for (const key of Object.keys(fields)) delete rest[key];
    write(folder, { name, version, description, license, ...fields, ...rest });
  };
  const said = read(root);
  put(root, {
    author: author === undefined ? said.author : personOf(author),
    funding: funding === undefined ? said.funding : { url: funding },
    repository: address ?? said.repository,
  });
  for (const { folder } of publishable(root)) put(folder, fieldsOf(folder, root));
}

/**
 * Returns what npm would refuse of a publish with provenance, and what would be wrong on its pages, a line for each fault.
 * In a workflow, `env` says which repository the provenance will name. npm compares the two letter by letter.
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
    for (const [key, value] of Object.entries(fieldsOf(folder, root))) {
      if (JSON.stringify(manifest[key]) !== JSON.stringify(value)) {
        faults.push(`${name}: ${key} is ${JSON.stringify(manifest[key])}, expected ${JSON.stringify(value)}`);
      }
    }
  }
  return faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const options = { author: { type: "string" }, funding: { type: "string" } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`expected one address, got ${positionals.join(" and ")}`);
    fillIn({ address: positionals[0], ...values });
    const { author, funding, repository } = read(ROOT);
    console.log(JSON.stringify({ author, funding, repository }));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
