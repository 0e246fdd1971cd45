// Makes a user's folder outside the workspace, into which npm installs every package as `pnpm publish` would pack it.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programs } from "@dlrt/readme";
import { ROOT, command, packAll, publishable } from "@dlrt/release/packages";

/** Installs packages into a user's folder, beside what is there. None of them runs a script of its own. */
export function npmInstall(user, ...packages) {
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--loglevel=error"];
  // npm waits up to a minute between attempts, for every package in turn: a dead network would look like a hang.
  const soon = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
  return command("npm", ["install", ...quiet, ...soon, ...packages], { cwd: user });
}

/** Packs every package, and installs them. @returns the folder, in which `user` is the user's; the caller removes it */
export async function installPacked() {
  const folder = mkdtempSync(join(tmpdir(), "dlrt-consumer-"));
  try {
    const tarballs = await packAll(join(folder, "tarballs"));
    const user = join(folder, "user");
    mkdirSync(user);
    const own = Object.entries(tarballs).map(([name, path]) => [name, `file:${path}`]);
    const dependencies = { ...forPagePrograms(), ...Object.fromEntries(own) };
    writeFileSync(
      join(user, "package.json"),
      JSON.stringify({ private: true, type: "module", dependencies }),
    );
    await npmInstall(user);
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The globalSetup of vitest. Tests find the user's folder by `inject("user")`. */
export default async function setup(project) {
  const folder = await installPacked();
  project.provide("user", join(folder, "user"));
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Returns those programs that run in a page without a GPU. That of the conformance suite is left out, which is a command for Node. */
export const forPages = (programs) =>
  programs.filter(({ gpu, title }) => !gpu && !title.startsWith("@dlrt/conformance"));

/** Returns those programs whose imports a page finds by an import map, which does not find those of TensorFlow.js, many CommonJS files. */
export const withoutTensorFlow = (programs) => programs.filter(({ code }) => !code.includes("@tensorflow/"));

/** Returns those programs that import an entry of our packages which none before them imports, so that together they load every entry. */
export function firstOfEachEntry(programs) {
  const seen = new Set();
  return programs.filter(({ code }) => {
    const entries = [...code.matchAll(/from "(@dlrt\/[^"]+)"/g)].map(([, entry]) => entry);
    const fresh = entries.some((entry) => !seen.has(entry));
    for (const entry of entries) seen.add(entry);
    return fresh;
  });
}

/** Returns the programs of the root README and of every installed README. `gpu` tells whether a program asks for a GPU. */
export function quickstarts(user) {
  const readmes = [
    ["README.md", join(ROOT, "README.md")],
    ...publishable().map(({ name }) => [name, join(user, "node_modules", name, "README.md")]),
  ];
  const there = readmes.filter(([, path]) => existsSync(path));
  return there.flatMap(([from, path]) =>
    programs(readFileSync(path, "utf8")).map(({ code, output, line }) => ({
      title: `${from}:${line}`,
      code,
      output,
      gpu: code.includes("@dlrt/backend-webgpu"),
    })),
  );
}

/** Returns the packages of others that the programs of the documentation's pages import, in the versions that the documentation has. */
function forPagePrograms() {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "apps/docs/package.json"), "utf8"));
  const others = Object.entries(devDependencies).filter(([name]) => !name.startsWith("@dlrt/"));
  const sources = pagePrograms().map(({ code }) => code);
  return Object.fromEntries(others.filter(([name]) => sources.some((code) => code.includes(`"${name}"`))));
}

/** Returns the programs of the documentation's pages that say what they print. None asks for a GPU, since no page can know which that is. */
export function pagePrograms() {
  const folder = join(ROOT, "apps/docs/pages");
  const pages = readdirSync(folder).filter((file) => file.endsWith(".md"));
  return pages.flatMap((page) =>
    programs(readFileSync(join(folder, page), "utf8")).map((program) => ({
      ...program,
      title: `${page}:${program.line}`,
    })),
  );
}
