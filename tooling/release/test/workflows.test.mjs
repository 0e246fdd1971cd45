// Checks what can be known of .github/workflows without GitHub: that its own parser takes them, that permissions are the least, that pins are
// commits, and that what they run is there.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";
import { describe, expect, test } from "vitest";
import { ROOT } from "../packages.mjs";

const FOLDER = join(ROOT, ".github/workflows");
const files = readdirSync(FOLDER);
const textOf = (file) => readFileSync(join(FOLDER, file), "utf8");
const { packageManager, scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/** Reads a workflow, and returns what GitHub would say against it: unknown keys, wrong values, expressions that name what is not there. */
async function read(content) {
  const { context, value } = parseWorkflow({ name: "workflow.yml", content }, new NoOperationTraceWriter());
  const faults = context.errors.getErrors().map(({ message }) => message);
  if (faults.length > 0) return { faults };
  const { errors = [] } = await convertWorkflowTemplate(context, value);
  return {
    faults: errors.map(({ Message }) => Message),
    plain: JSON.parse(JSON.stringify(value), plainToken),
  };
}

/** Returns a token of the parser as an object, an array or a text. */
function plainToken(_, token) {
  if (typeof token !== "object" || token === null) return token;
  if (Array.isArray(token.map)) return Object.fromEntries(token.map.map(({ Key, Value }) => [Key, Value]));
  if ("expr" in token) return `\${{ ${token.expr} }}`;
  return token.seq ?? token.lit ?? token;
}

const workflows = Object.fromEntries(
  await Promise.all(files.map(async (file) => [file, await read(textOf(file))])),
);
const jobs = Object.entries(workflows).flatMap(([file, { plain }]) =>
  Object.entries(plain?.jobs ?? {}).map(([name, job]) => ({ name: `${file}: ${name}`, file, job })),
);
const steps = jobs.flatMap(({ name, job }) =>
  job.steps.map((step, at) => ({ name: `${name}, step ${at + 1}`, step })),
);

test("there are three", () => {
  expect(files.toSorted()).toEqual(["ci.yml", "pages.yml", "release.yml"]);
  expect([jobs.length > 6, steps.length > 20]).toEqual([true, true]);
});

describe.each(files)("%s", (file) => {
  test("is what GitHub's parser takes", () => expect(workflows[file].faults).toEqual([]));

  test("holds no token", () => {
    expect(textOf(file)).not.toMatch(/NPM_TOKEN|NODE_AUTH_TOKEN|secrets\s*[.[]/);
  });
});

test.each([
  ["runs-on:", "run-on:", /run-on/],
  ["contents: read", "contents: reed", /reed/],
  ["${{ steps.pages.outputs", "${{ stepz.pages.outputs", /stepz/],
  ["needs: build", "needs: built", /built/],
])("the parser sees a %s that is %s", async (right, wrong, said) => {
  const text = textOf("pages.yml");
  expect(text).toContain(right);
  expect((await read(text.replace(right, wrong))).faults.join("\n")).toMatch(said);
});

/** What jobs may write. Others may write nothing. */
const WRITES = {
  "pages.yml: deploy": ["id-token", "pages"],
  "release.yml: version": ["contents", "pull-requests"],
  "release.yml: publish": ["contents", "id-token"],
};

test("a job writes what it must and nothing else, and none hangs for hours", () => {
  for (const { name, file, job } of jobs) {
    const permissions = job.permissions ?? workflows[file].plain.permissions;
    const writes = Object.entries(permissions).filter(([, may]) => may !== "read" && may !== "none");
    expect(writes.map(([scope]) => scope).toSorted(), name).toEqual(WRITES[name] ?? []);
    expect(Number(job["timeout-minutes"]), name).toBeLessThanOrEqual(350);
    const keeps = job.steps.filter(
      ({ uses, with: given }) =>
        uses?.startsWith("actions/checkout@") && given?.["persist-credentials"] !== "false",
    );
    expect(keeps.length > 0, `${name} keeps a credential`).toBe(
      writes.some(([scope]) => scope === "contents"),
    );
  }
  expect(Object.keys(WRITES).filter((of) => !jobs.some(({ name }) => name === of))).toEqual([]);
});

test("every action is pinned to a commit, the same one everywhere, with its version beside it", () => {
  const pins = files.flatMap((file) =>
    textOf(file)
      .split("\n")
      .filter((line) => /\buses:/.test(line)),
  );
  const used = pins.map(
    (line) => /uses: ([\w-]+\/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$/.exec(line) ?? line,
  );
  expect(used.filter((pin) => typeof pin === "string")).toEqual([]);
  expect(used).toHaveLength(steps.filter(({ step }) => step.uses !== undefined).length);
  const versions = new Map();
  for (const [, action, commit, version] of used) {
    expect(versions.get(action) ?? `${commit} ${version}`, action).toBe(`${commit} ${version}`);
    versions.set(action, `${commit} ${version}`);
  }
});

test("what steps run is a script of this repository, or git", () => {
  const run = steps.filter(({ step }) => step.run !== undefined);
  for (const { name, step } of run) {
    for (const line of step.run.trim().split("\n")) {
      const [, manager, script] = /^npx -y (\S+) (?:run )?([\w:-]+)/.exec(line) ?? [];
      if (line.startsWith("git ")) continue;
      expect(manager, name).toBe(packageManager);
      expect(["install", ...Object.keys(scripts)], name).toContain(script);
    }
  }
  expect(run.length).toBeGreaterThan(7);
});

test("expressions name steps that come before them, and jobs that are needed", () => {
  const named = [];
  for (const { name, job } of jobs) {
    const needed = [job.needs ?? []].flat();
    for (const [, of] of JSON.stringify(job).matchAll(/needs\.([\w-]+)\./g))
      named.push([name, needed.includes(of), of]);
    for (const [at, step] of job.steps.entries()) {
      const before = job.steps.slice(0, at).map(({ id }) => id);
      for (const [, of] of JSON.stringify(step).matchAll(/steps\.([\w-]+)\./g))
        named.push([name, before.includes(of), of]);
    }
    const { steps: own, ...rest } = job;
    const all = own.map(({ id }) => id);
    for (const [, of] of JSON.stringify(rest).matchAll(/steps\.([\w-]+)\./g))
      named.push([name, all.includes(of), of]);
  }
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter(([, there]) => !there)).toEqual([]);
});
