// Does what a user does: installs one package in an empty folder, runs the programs of its README, and later upgrades.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installLine, programs, runProgram, runReadme } from "@dlrt/readme";
import { command } from "./packages.mjs";

const npmInstall = (folder, env, names) =>
  command("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...names], { cwd: folder, env });

const ours = (name) => name.startsWith("@dlrt/");
const bare = (spec) => spec.replace(/(?<=.)@[^/]*$/, "");

/** Makes a folder, and installs one package alone into it, every entry of which must load. */
export async function installAlone({ name, entries }, folder, env, tag = "latest") {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await npmInstall(folder, env, [`${name}@${tag}`]);
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) {
    if (!existsSync(join(folder, "node_modules", name, file)))
      throw new Error(`${name} comes without ${file}`);
  }
  for (const entry of entries) await runProgram(`await import("${entry}")`, { cwd: folder });
}

/** Returns the packages of this workspace that a README tells to install or that its programs import, and what else the programs need. */
function wanted(markdown) {
  const line = installLine(markdown);
  const others = line.includes("--save-dev")
    ? []
    : line.filter((spec) => !ours(spec) && !spec.startsWith("-"));
  const imported = programs(markdown).flatMap(({ code }) => [...code.matchAll(/from "(@dlrt\/[^"/]+)/g)]);
  return { others, own: [...line.filter(ours).map(bare), ...imported.map(([, name]) => name)] };
}

/** Installs what a README asks for, from `tag`, and runs its programs. @returns how many ran @throws Error where one prints something else */
export async function runQuickstart({ name }, folder, env, tag = "latest", gpu = {}) {
  const readme = join(folder, "node_modules", name, "README.md");
  const { own, others } = wanted(readFileSync(readme, "utf8"));
  const specs = [...new Set([name, ...own])].map((spec) => `${spec}@${tag}`);
  await npmInstall(folder, env, [...specs, ...others]);
  const results = await runReadme(readme, { cwd: folder, env: gpu });
  for (const { line, expected, printed } of results) {
    if (printed !== expected) {
      throw new Error(`${name}'s README, line ${line}: said\n${expected}\nprinted\n${printed}`);
    }
  }
  if (results.length === 0) throw new Error(`${name}'s README has no program`);
  return results.length;
}

/** Returns the version of an installed package. */
export function installedVersion(folder, name) {
  return JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")).version;
}

/** @throws Error where there are two copies of core, because some package's range is out of step */
export function checkOneCore(folder, names) {
  const nested = names.filter((name) =>
    existsSync(join(folder, "node_modules", name, "node_modules", "@dlrt")),
  );
  if (nested.length > 0) throw new Error(`a second copy of @dlrt/core below ${nested.join(", ")}`);
}
