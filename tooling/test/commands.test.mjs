// What README, CONTRIBUTING and the other texts tell people to type: the scripts must be there, and pnpm must run them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const shell = process.platform === "win32";
const run = (file, ...args) => execFileSync(file, args, { cwd: root, encoding: "utf8", shell });
const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
const tracked = run("git", "ls-files", "-co", "--exclude-standard").split("\n");
const { packageManager, scripts } = manifest(".");

/** Names that pnpm takes for commands of its own, so that no script of that name is run. */
const listed = run("npx", "-y", packageManager, "help", "-a").matchAll(
  /^\s+((?:[a-z][a-z-]*(?:, )?)+)(?:\s|$)/gm,
);
const own = new Set([...listed].flatMap(([, names]) => names.split(", ")));

const scriptsOf = Object.fromEntries(
  tracked
    .filter((path) => /^\w+\/([\w-]+\/)?package\.json$/.test(path) && existsSync(join(root, path)))
    .map((path) => manifest(path.replace(/package\.json$/, "")))
    .map(({ name, scripts: of = {} }) => [name, of]),
);

/** Every `npx -y pnpm@… [--filter package] script`, and every `pnpm script` in code, of a text. */
function commandsIn(text) {
  const found = text.matchAll(
    /(?:npx -y (?<manager>pnpm@[\d.]+)|(?<=`|^ +)pnpm) (?:--filter (?<filter>\S+) )?(?<script>[\w:-]+)/gm,
  );
  return [...found].map(({ groups }) => groups);
}

function faultOf({ manager, filter, script }) {
  if (manager !== undefined && manager !== packageManager) return `${manager} is not ${packageManager}`;
  if (own.has(script) && !["install", "run", "exec", "test"].includes(script))
    return `${script} is a command of pnpm's own`;
  const there = filter === undefined ? scripts : scriptsOf[filter];
  if (there === undefined) return `there is no package ${filter}`;
  return script in there || ["install", "run", "exec"].includes(script)
    ? undefined
    : `there is no script ${script}`;
}

const texts = tracked.filter((path) => /\.(md|yml)$/.test(path) && existsSync(join(root, path)));

test.each(texts.filter((path) => commandsIn(readFileSync(join(root, path), "utf8")).length > 0))(
  "%s names commands that exist",
  (path) => {
    const commands = commandsIn(readFileSync(join(root, path), "utf8"));
    const faults = commands.map((command) => [faultOf(command), command]).filter(([fault]) => fault);
    expect(faults).toEqual([]);
  },
);

test("README and CONTRIBUTING are read, and what is wrong in a text is seen", () => {
  for (const file of ["README.md", "CONTRIBUTING.md"]) {
    expect(commandsIn(readFileSync(join(root, file), "utf8")).length, file).toBeGreaterThan(3);
  }
  const wrong = `
    npx -y ${packageManager} --filter @dlrt/docs docs
    npx -y ${packageManager} tets
    npx -y ${packageManager} --filter @dlrt/nothing test
    npx -y ${"pnpm"}@1.0.0 test
`;
  expect(commandsIn(wrong).map(faultOf)).toEqual([
    "docs is a command of pnpm's own",
    "there is no script tets",
    "there is no package @dlrt/nothing",
    `pnpm@1.0.0 is not ${packageManager}`,
  ]);
  expect(own.has("install")).toBe(true);
});
