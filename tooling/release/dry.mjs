// `pnpm release:dry` rehearses a release from a fresh clone to a registry on loopback, uses it as users do, and upgrades to a second one.
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { vulkanEnv } from "@dlrt/swiftshader";
import { faults, targets } from "./guard.mjs";
import { fieldsOf, fillIn, ownerFaults } from "./owner.mjs";
import { ROOT, command, pnpm, publishable } from "./packages.mjs";
import { EMPTY, writeNames } from "./names.mjs";
import { startRegistry } from "./registry.mjs";
import { checkOneCore, installAlone, installedVersion, runQuickstart } from "./user.mjs";

const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
const say = (text) => console.log(`${seconds()}  ${text}`);

// With --owner the address of the repository is filled in in the clone alone, so that a rehearsal needs no owner.
const { values } = parseArgs({
  options: { owner: { type: "string" }, keep: { type: "boolean" }, "working-tree": { type: "boolean" } },
});
const { owner } = values;

const folder = mkdtempSync(join(tmpdir(), "dlrt-release-"));
const clone = join(folder, "clone");
const git = (...args) => command("git", args, { cwd: clone });
const changeset = (args, env) => pnpm(["exec", "changeset", ...args], { cwd: clone, env });

/** Adds a changeset of the rehearsal's own, so that there is something to release whatever HEAD brings. */
function addChangeset(name, bumps) {
  const lines = Object.entries(bumps).map(([from, bump]) => `"${from}": ${bump}`);
  writeFileSync(join(clone, ".changeset", `${name}.md`), `---\n${lines.join("\n")}\n---\n\nRehearsal.\n`);
}

const versions = () => Object.fromEntries(publishable(clone).map((p) => [p.name, p.manifest.version]));
const everyPackage = (bump) => Object.fromEntries(publishable(clone).map(({ name }) => [name, bump]));

function build() {
  const filters = publishable(clone).map(({ name }) => `--filter=${name}`);
  return pnpm(["exec", "turbo", "run", "build", ...filters], { cwd: clone });
}

async function publish(registry, tag, args = []) {
  const against = faults(targets(clone, { ...process.env, ...registry.env }), [], {});
  if (against.length > 0) throw new Error(against.join("\n"));
  await changeset(["publish", ...args], registry.env);
  for (const [name, version] of Object.entries(versions())) {
    const { "dist-tags": tags, versions: records } = await registry.record(name);
    if (tags[tag] !== version) throw new Error(`${name}: ${tag} is ${tags[tag]}, not ${version}`);
    checkPage(name, records[version]);
  }
  say(
    `published as ${tag}: ${Object.entries(versions())
      .map((pair) => pair.join(" "))
      .join(", ")}`,
  );
}

/** Checks what npm reads of a published version: it compares the provenance with `repository`, and shows the rest on the package's page. */
function checkPage(name, record) {
  const { folder: of } = publishable(clone).find((each) => each.name === name);
  for (const [key, value] of Object.entries(fieldsOf(of, clone))) {
    if (!isDeepStrictEqual(record[key], value)) {
      throw new Error(`${name}: ${key} was published as ${JSON.stringify(record[key])}`);
    }
  }
  for (const key of ["description", "keywords", "license"]) {
    if (!record[key]?.length) throw new Error(`${name} was published without ${key}`);
  }
}

/** Publishes an empty version under every name, as a maintainer does by hand before the first release. */
async function takeNames(registry) {
  const against = faults(targets(clone, { ...process.env, ...registry.env }), [], {});
  if (against.length > 0) throw new Error(against.join("\n"));
  for (const empty of writeNames(join(folder, "names"), clone)) {
    await command("npm", ["publish", empty, "--access", "public", "--tag", "latest"], {
      cwd: folder,
      env: registry.env,
    });
  }
  for (const { name } of publishable(clone)) {
    const { "dist-tags": tags } = await registry.record(name);
    if (tags.latest !== EMPTY) throw new Error(`${name}: its name is not taken`);
  }
  say("the names are taken");
}

async function commit(message) {
  await git("add", "-A");
  await git("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost", "commit", "-qm", message);
}

async function useEach(registry, tag, fresh) {
  for (const each of publishable(clone)) {
    const user = join(folder, `user-${each.name.replaceAll(/\W+/g, "-")}${fresh ? `-${tag}` : ""}`);
    if (fresh) await installAlone(each, user, registry.env, tag);
    const before = installedVersion(user, each.name);
    const programs = await runQuickstart(each, user, registry.env, tag, vulkanEnv());
    checkOneCore(
      user,
      publishable(clone).map(({ name }) => name),
    );
    const after = installedVersion(user, each.name);
    if (after !== versions()[each.name]) throw new Error(`${each.name}: ${after} is installed`);
    say(
      `${each.name} ${fresh ? "" : `${before} → `}${after}: ${programs} program(s) of its README are right`,
    );
  }
}

/** Clones HEAD and installs it; with --working-tree, with what is not committed yet on top. */
async function cloneRepository() {
  await command("git", ["clone", "-q", "--no-hardlinks", ROOT, clone], { cwd: folder });
  if (values["working-tree"]) {
    const files = await command("git", ["ls-files", "-zco", "--exclude-standard"], { cwd: ROOT });
    for (const file of files.split("\0").filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
      cpSync(join(ROOT, file), join(clone, file));
    }
  }
  if (owner !== undefined) fillIn({ address: owner }, clone);
  await pnpm(["install", "--frozen-lockfile", "--prefer-offline"], { cwd: clone });
  say("cloned and installed");
}

async function rehearse(registry) {
  await cloneRepository();
  await takeNames(registry);

  addChangeset("rehearsal-first", everyPackage("patch"));
  await changeset(["version"]);
  await build();
  await commit("first");
  await publish(registry, "latest");
  const first = versions();
  await useEach(registry, "latest", true);

  addChangeset("rehearsal-snapshot", everyPackage("patch"));
  await changeset(["version", "--snapshot", "canary"]);
  await publish(registry, "canary", ["--tag", "canary", "--no-git-tag"]);
  await useEach(registry, "canary", true);
  await git("reset", "-q", "--hard");
  await git("clean", "-qfd", ".changeset");

  // Only core changes. All packages must follow with the same version, so that no range of an older one brings a second core.
  await changeset(["pre", "enter", "next"]);
  addChangeset("rehearsal-second", { "@dlrt/core": "minor" });
  await changeset(["version"]);
  await commit("prerelease");
  await publish(registry, "next");
  await useEach(registry, "next", true);
  for (const [name, version] of Object.entries(first)) {
    const { "dist-tags": tags } = await registry.record(name);
    if (tags.latest !== version) throw new Error(`${name}: a prerelease moved latest to ${tags.latest}`);
  }

  await changeset(["pre", "exit"]);
  await changeset(["version"]);
  await build();
  await commit("second");
  await publish(registry, "latest");
  const same = Object.entries(versions()).filter(([name, version]) => first[name] === version);
  if (same.length > 0) throw new Error(`not released again: ${same.join(", ")}`);
  for (const each of publishable(clone)) {
    const from = join(folder, `user-${each.name.replaceAll(/\W+/g, "-")}`);
    await installAlone(each, from, registry.env, first[each.name]);
  }
  await useEach(registry, "latest", false);
}

let registry;
try {
  const refused = owner === undefined ? ownerFaults(ROOT, process.env) : [];
  if (refused.length > 0) throw new Error(refused.join("\n"));
  registry = await startRegistry(join(folder, "registry"));
  say("a registry answers on loopback");
  await rehearse(registry);
  say("release:dry is green");
} catch (error) {
  console.error(`${seconds()}  ${error.message}`);
  process.exitCode = 1;
} finally {
  await registry?.stop();
  if (values.keep) say(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
