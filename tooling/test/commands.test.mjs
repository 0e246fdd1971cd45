// The texts tell people commands to type. The scripts in them must be there, and pnpm must run them.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const shell = process.platform === "win32";
const run = (file, ...args) => execFileSync(file, args, { cwd: root, encoding: "utf8", shell });
const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
const tracked = run("git", "ls-files", "-co", "--exclude-standard").split("\n");
const { packageManager, scripts } = manifest(".");

/** The names that pnpm takes for commands of its own. It runs no script of such a name. */
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

/** Returns every `npx -y pnpm@… [--filter package] script` of a text, and every `pnpm script` in its code. */
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

/** Returns the indented lines of a text that call pnpm, without what they say after a `#`. */
function linesOf(text) {
  const lines = text.split("\n").filter((line) => /^ {4}.*\bnpx -y pnpm@/.test(line));
  return lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => !line.endsWith(" install"));
}

/**
 * Runs a line with the pnpm that is here, but with a shell that prints each script which pnpm starts instead of running it.
 * @returns the texts of the scripts that the line would have run
 */
function scriptsStarted(line, printer) {
  const said = execFileSync("bash", ["-c", line.replaceAll(`npx -y ${packageManager}`, "pnpm")], {
    cwd: root,
    encoding: "utf8",
    env: {
      ...process.env,
      pnpm_config_script_shell: printer,
      pnpm_config_shell_emulator: "false",
      pnpm_config_verify_deps_before_run: "false",
    },
  });
  return [...said.matchAll(/^started: (.*)$/gm)].map(([, text]) => text);
}

// On Windows pnpm takes no batch file for a shell.
test.skipIf(shell)("every line of CONTRIBUTING starts the scripts it names", () => {
  const folder = mkdtempSync(join(tmpdir(), "commands-"));
  try {
    const printer = join(folder, "printer.sh");
    writeFileSync(printer, '#!/bin/sh\necho "started: $2"\n');
    chmodSync(printer, 0o755);
    const lines = linesOf(readFileSync(join(root, "CONTRIBUTING.md"), "utf8"));
    expect(lines.length).toBeGreaterThan(9);
    for (const line of lines) {
      const [{ filter, script }] = commandsIn(line);
      const text = (filter === undefined ? scripts : scriptsOf[filter])[script];
      const args = new RegExp(` ${script}((?: --?[a-z][\\w-]*)*)`).exec(line)[1];
      const times = /^for \w+ in ([^;]+);/.exec(line)?.[1].split(" ").length ?? 1;
      expect(scriptsStarted(line, printer), line).toEqual(Array(times).fill(text + args));
    }
    expect(() => scriptsStarted(`npx -y ${packageManager} --filter @dlrt/docs docs`, printer)).toThrow(
      /docs/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
