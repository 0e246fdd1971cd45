import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sumTests } from "../../.ci/sum-tests.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sum-tests-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path, value) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
}

function addPackage(folder, report, scripts = { test: "vitest run" }) {
  write(`${folder}/package.json`, { scripts });
  if (report !== undefined) write(`${folder}/test-results/vitest.json`, report);
}

const green = (passed) => ({ success: true, numPassedTests: passed, numFailedTests: 0, testResults: [] });

test("reports of packages, apps and tooling are summed; a package without tests is passed over", () => {
  addPackage("packages/core", green(40));
  addPackage("packages/backend-js", green(2));
  addPackage("packages/no-tests", undefined, { build: "tsc" });
  addPackage("apps/bench", green(1));
  addPackage("tooling", green(5));
  addPackage("tooling/embed", green(100));
  expect(sumTests(root)).toEqual({ passed: 148, failed: 0, problems: [] });
});

test("failed tests are counted", () => {
  const testResults = [{ status: "failed", assertionResults: [{ status: "failed" }, { status: "failed" }] }];
  addPackage("packages/core", { success: false, numPassedTests: 7, numFailedTests: 2, testResults });
  expect(sumTests(root)).toEqual({ passed: 7, failed: 2, problems: [] });
});

test("a file that dies before its first test is a failure", () => {
  const testResults = [{ status: "failed", assertionResults: [] }];
  addPackage("packages/core", { success: false, numPassedTests: 7, numFailedTests: 0, testResults });
  expect(sumTests(root)).toMatchObject({ passed: 7, failed: 1 });
});

test("an unhandled error outside of every test is a failure", () => {
  addPackage("packages/core", { ...green(7), success: false });
  expect(sumTests(root)).toMatchObject({ passed: 7, failed: 1 });
});

test.each([
  ["missing", undefined],
  ["cut off", "{"],
  ["of another shape", {}],
  ["without a test", green(0)],
])("a report that is %s is a failure", (_, report) => {
  addPackage("packages/core", report);
  addPackage("packages/backend-js", green(2));
  const sum = sumTests(root);
  expect(sum).toMatchObject({ passed: 2, failed: 1 });
  expect(sum.problems).toEqual([expect.stringContaining("core: no test report")]);
});
