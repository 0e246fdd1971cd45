// Whose the repository is and where it lives: `author`, `funding` and `repository` of the root package.json are the one place. The
// address and the funding are absent until the owner fills them in with
//   npx -y pnpm@12.21.0 release:owner https://github.com/OWNER/NAME --author "NAME (URL)" --funding URL
// which writes what npm wants to know into every package's manifest too. Without arguments it brings a new package in line.
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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

/** What the manifest in `folder` must say, going by the root's. Where the root says nothing, it must not either. */
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

/** "NAME <EMAIL> (URL)", email and URL if any, as the object that npm makes of it. @throws Error without a name */
export function personOf(text) {
  const { name, email, url } =
    /^(?<name>[^<(]*[^<( ]) *(?:<(?<email>[^>]+)>)? *(?:\((?<url>https:[^)]+)\))?$/.exec(text)?.groups ?? {};
  if (name === undefined)
    throw new Error(`--author: expected "NAME <EMAIL> (URL)", got ${text || "nothing"}`);
  return { name, ...(email && { email }), ...(url && { url }) };
}

/**
 * Writes what is given into the root manifest, and what follows from that into every package's.
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
