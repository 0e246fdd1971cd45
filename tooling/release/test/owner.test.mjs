import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NOBODY, fieldsOf, fillIn, ownerFaults, ownerOf, personOf } from "../owner.mjs";
import { EMPTY, writeNames } from "../names.mjs";
import { ROOT, publishable } from "../packages.mjs";
import { ownRoot } from "./own-root.mjs";

const HERE = "https://github.com/example/placeholder";
const AUTHOR = { name: "Somebody" };
const NOTHING = { repository: undefined, homepage: undefined, bugs: undefined, funding: undefined };

/** A root apart with the manifests and the scripts of tooling/release, in which no owner is filled in. */
let root;
beforeEach(() => {
  const manifests = publishable().map(({ folder }) => join(folder.slice(ROOT.length), "package.json"));
  root = ownRoot("owner", ["package.json", "LICENSE", ...manifests]);
  for (const folder of [root, ...publishable(root).map((each) => each.folder)]) {
    change(folder, { ...NOTHING, author: AUTHOR });
  }
});
afterEach(() => rmSync(root, { recursive: true }));

const text = (folder) => readFileSync(join(folder, "package.json"), "utf8");
function change(folder, fields) {
  const manifest = { ...JSON.parse(text(folder)), ...fields };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Runs a script of the copy, with `env` on top of an environment that is no workflow's. */
function run(file, args = [], env = {}) {
  const clean = Object.entries(process.env).filter(([name]) => !/^GITHUB_|^DLRT_/.test(name));
  return spawnSync(process.execPath, [join(root, "tooling/release", file), ...args], {
    env: { ...Object.fromEntries(clean), ...env },
    encoding: "utf8",
  });
}

test("in this repository every manifest says what the root says, or none says anything", () => {
  const address = ownerOf(ROOT);
  expect(ownerFaults(ROOT)).toEqual(address === undefined ? [NOBODY] : []);
  for (const { name, folder, manifest } of publishable()) {
    const said = ["homepage", "bugs", "author", "funding", "repository"].map((key) => [key, manifest[key]]);
    const due = { homepage: undefined, bugs: undefined, repository: undefined, ...fieldsOf(folder) };
    expect(Object.fromEntries(said), `${name}: \`pnpm release:owner\` brings it in line`).toEqual(due);
  }
  const { author } = JSON.parse(text(ROOT));
  expect(readFileSync(join(ROOT, "LICENSE"), "utf8")).toContain(author.name);
});

test("filling in writes every manifest, and nothing else of it changes", () => {
  const before = publishable(root).map(({ manifest }) => manifest);
  fillIn({ address: HERE }, root);
  expect(ownerOf(root)).toBe(HERE);
  expect(ownerFaults(root)).toEqual([]);
  for (const [i, { folder, manifest }] of publishable(root).entries()) {
    const { repository, homepage, bugs, ...others } = manifest;
    const directory = `packages/${folder.split(/[\\/]/).at(-1)}`;
    expect(repository).toEqual({ type: "git", url: `git+${HERE}.git`, directory });
    expect([homepage, bugs]).toEqual([`${HERE}/tree/main/${directory}#readme`, { url: `${HERE}/issues` }]);
    expect(others).toEqual(before[i]);
  }
  const once = publishable(root).map(({ folder }) => text(folder));
  fillIn({ address: HERE }, root);
  expect(publishable(root).map(({ folder }) => text(folder))).toEqual(once);
});

test("author and funding go where the address does, and stay when another part is given", () => {
  const author = "A. Name <mail@example.test> (https://example.test/)";
  fillIn({ author, funding: "https://example.test/fund" }, root);
  fillIn({ address: HERE }, root);
  fillIn({}, root);
  for (const { manifest } of publishable(root)) {
    expect(manifest).toMatchObject({
      author: personOf(author),
      funding: { url: "https://example.test/fund" },
    });
  }
  expect(ownerOf(root)).toBe(HERE);
  expect(ownerFaults(root)).toEqual([]);
  const [{ name, folder }] = publishable(root);
  change(folder, { author: undefined });
  expect(ownerFaults(root)).toEqual([
    expect.stringContaining(`${name}: author is undefined, expected {"name":"A. Name"`),
  ]);
  expect(() => fillIn({ funding: "a jar" }, root)).toThrow("--funding: expected https://");
});

test.each([
  ["A. Name", { name: "A. Name" }],
  ["A <a@b.test>", { name: "A", email: "a@b.test" }],
  ["A (https://a.test)", { name: "A", url: "https://a.test" }],
  ["A <a@b.test> (https://a.test)", { name: "A", email: "a@b.test", url: "https://a.test" }],
])("%s is somebody", (said, somebody) => expect(personOf(said)).toEqual(somebody));

test.each(["", " ", "<a@b.test>", "A (a.test)"])("%j is nobody", (said) => {
  expect(() => personOf(said)).toThrow("--author: expected");
});

test.each(["", "example/placeholder", `${HERE}.git`, "https://example.com/a/b", `${HERE}/tree/main`])(
  "%s is no repository",
  (address) => {
    expect(() => fillIn({ address }, root)).toThrow("expected https://github.com/OWNER/NAME");
    expect(ownerFaults(root)).toEqual([NOBODY]);
  },
);

test("names to take before the first release: an empty version of each package, with all that npm shows of it", () => {
  expect(() => writeNames(join(root, "names"), root)).toThrow(NOBODY);
  fillIn({ address: HERE }, root);
  const folders = writeNames(join(root, "names"), root);
  expect(folders).toHaveLength(publishable(root).length);
  for (const [i, { name, folder, manifest }] of publishable(root).entries()) {
    const written = JSON.parse(text(folders[i]));
    const { description, license } = manifest;
    expect(written).toEqual({ name, version: EMPTY, description, license, ...fieldsOf(folder, root) });
    expect(readdirSync(folders[i]).toSorted()).toEqual(["LICENSE", "README.md", "package.json"]);
  }
});

test("a manifest that says something else, and a workflow of another repository, are faults", () => {
  fillIn({ address: HERE }, root);
  const [{ name, folder }] = publishable(root);
  const wrong = { ...fieldsOf(folder, root).repository, directory: "packages/other" };
  change(folder, { repository: wrong });
  expect(ownerFaults(root)).toEqual([expect.stringMatching(new RegExp(`^${name}: repository is .*other`))]);
  change(folder, { repository: undefined, ...fieldsOf(folder, root) });
  expect(ownerFaults(root, { GITHUB_REPOSITORY: "example/placeholder" })).toEqual([]);
  // npm compares letter by letter, so that another case is another repository.
  expect(ownerFaults(root, { GITHUB_REPOSITORY: "Example/placeholder" })).toEqual([
    `package.json: repository is ${HERE}, the provenance will say https://github.com/Example/placeholder`,
  ]);
});

describe("until it is filled in", () => {
  test("the dry run refuses with one sentence, and begins nothing", () => {
    const { status, stdout, stderr } = run("dry.mjs");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.trim().replace(/^[\d.]+ s {2}/, "")).toBe(NOBODY);
  });

  test("the release workflow publishes nothing", () => {
    const workflow = {
      GITHUB_ACTIONS: "true",
      GITHUB_REPOSITORY: "example/placeholder",
      GITHUB_WORKFLOW_REF: "example/placeholder/.github/workflows/release.yml@refs/heads/main",
      DLRT_PUBLISH: "public",
    };
    const refused = run("guard.mjs", [], workflow);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(NOBODY);
    const filled = run("owner.mjs", [HERE]);
    expect(filled).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(filled.stdout)).toEqual({ author: AUTHOR, repository: HERE });
    expect(run("guard.mjs", [], workflow)).toMatchObject({ status: 0, stderr: "" });
  });
});
