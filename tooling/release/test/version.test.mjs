// What `changeset version` makes of this repository as it is: run on copies of its manifests and changesets, in a root of their own.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { getDependencyReleaseLine, getReleaseLine } from "../changelog.mjs";
import { fillIn } from "../owner.mjs";
import { ROOT, publishable } from "../packages.mjs";
import { ownRoot } from "./own-root.mjs";

const HERE = "https://github.com/example/placeholder";
const COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f80912345678";
let root = "";
const git = (...args) =>
  execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], {
    cwd: root,
    encoding: "utf8",
  });

const version = () => {
  const cli = createRequire(join(ROOT, "package.json")).resolve("@changesets/cli/package.json");
  execFileSync(process.execPath, [join(dirname(cli), "bin.js"), "version"], { cwd: root, stdio: "pipe" });
};

beforeAll(() => {
  const manifests = execFileSync(
    "git",
    ["ls-files", "-co", "--exclude-standard", "package.json", "*/package.json"],
    { cwd: ROOT, encoding: "utf8" },
  );
  const present = manifests
    .trim()
    .split("\n")
    .filter((path) => existsSync(join(ROOT, path)));
  root = ownRoot("version", [".changeset", "pnpm-workspace.yaml", ...present]);
  fillIn({ address: HERE }, root);
  // The test has a changeset of its own, so that there is something to release even right after a release.
  writeFileSync(
    join(root, ".changeset/of-this-test.md"),
    '---\n"@dlrt/core": minor\n---\n\nSaid once.\n\nAnd more.\n',
  );
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-qm", "all");
  version();
});
afterAll(() => rmSync(root, { recursive: true }));

test("every package that was never released becomes 0.1.0, the private ones stay", () => {
  for (const { name, manifest, folder } of publishable()) {
    if (manifest.version !== "0.0.0") continue;
    const after = JSON.parse(readFileSync(join(root, relative(ROOT, folder), "package.json"), "utf8"));
    expect(after.version, `${name}: it needs a changeset, and of no package's may be major`).toBe("0.1.0");
  }
  const changed = git("diff", "--name-only", "--", "*package.json").trim().split("\n");
  expect(changed.filter((path) => !path.startsWith("packages/"))).toEqual([]);
});

test("packages ask for each other by a caret range of the version released with them", () => {
  const names = publishable(root).map(({ name }) => name);
  for (const { name, manifest } of publishable(root)) {
    const { dependencies = {}, peerDependencies = {} } = manifest;
    const own = Object.entries({ ...dependencies, ...peerDependencies }).filter(([of]) => names.includes(of));
    for (const [of, range] of own) expect(range, `${name} on ${of}`).toBe("workspace:^");
  }
});

test("every changelog has its version, each change with a link to its commit", () => {
  const commit = git("rev-parse", "HEAD").trim();
  const link = `[${commit.slice(0, 7)}](${HERE}/commit/${commit})`;
  for (const { name, folder, manifest } of publishable(root)) {
    const log = readFileSync(join(folder, "CHANGELOG.md"), "utf8");
    expect(log).toContain(`# ${name}\n\n## ${manifest.version}\n`);
    for (const line of log.split("\n").filter((text) => text.startsWith("- "))) {
      expect(line.startsWith(`- ${link}: `) || line.startsWith("- With `@dlrt/"), line).toBe(true);
    }
  }
  const core = readFileSync(join(root, "packages/core/CHANGELOG.md"), "utf8");
  expect(core).toContain(`- ${link}: Said once.\n\n  And more.\n`);
  const js = readFileSync(join(root, "packages/backend-js/CHANGELOG.md"), "utf8");
  expect(js.match(/^- With .*$/gm)[0]).toMatch(/^- With `@dlrt\/core` \d+\.\d+\.\d+$/);
});

test("a change without a commit or an address has no link", async () => {
  const change = { summary: "One.", commit: COMMIT };
  expect(await getReleaseLine(change, "minor", { address: HERE })).toBe(
    `- [1a2b3c4](${HERE}/commit/${COMMIT}): One.`,
  );
  expect(await getReleaseLine({ summary: "One." }, "minor", { address: HERE })).toBe("- One.");
  expect(await getDependencyReleaseLine([], [])).toBe("");
});

test("a later change of core alone moves every package to core's version, and nothing else", () => {
  git("add", ".");
  git("commit", "-qm", "released");
  const before = publishable(root).map(({ manifest }) => manifest.version);
  writeFileSync(join(root, ".changeset/later.md"), '---\n"@dlrt/core": minor\n---\n\nLater.\n');
  version();
  const after = publishable(root).map(({ manifest }) => manifest.version);
  expect([new Set(before).size, new Set(after).size]).toEqual([1, 1]);
  const [major, minor] = before[0].split(".").map(Number);
  expect(after[0]).toBe(`${major}.${minor + 1}.0`);
  const changed = git("diff", "--name-only", "--", "*package.json").trim().split("\n");
  expect(changed).toHaveLength(after.length);
});
