// Sums the test reports of all packages into one line: "N passed, N failed".
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const REPORT = join("test-results", "vitest.json");

/** Folders of the workspace's packages, in the order of pnpm-workspace.yaml. */
function packageFolders(root) {
  const children = ["packages", "apps", "examples", "tooling"].flatMap((parent) => {
    const folder = join(root, parent);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  });
  return [...children, join(root, "tooling")].filter((folder) => existsSync(join(folder, "package.json")));
}

/** Counts of one vitest JSON report. A file that died before its first test counts as one failure. */
function countReport(report) {
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = report.numFailedTests + broken;
  return { passed: report.numPassedTests, failed: failed === 0 && !report.success ? 1 : failed };
}

/**
 * Sum over every package that has a test script; a missing, unreadable or empty report is one failure.
 * @returns {{ passed: number, failed: number, problems: string[] }}
 */
export function sumTests(root) {
  const sum = { passed: 0, failed: 0, problems: [] };
  for (const folder of packageFolders(root)) {
    const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!scripts?.test) continue;
    try {
      const counts = countReport(JSON.parse(readFileSync(join(folder, REPORT), "utf8")));
      if (counts.passed + counts.failed === 0) throw new Error("no test ran");
      sum.passed += counts.passed;
      sum.failed += counts.failed;
    } catch (error) {
      sum.failed += 1;
      sum.problems.push(`${relative(root, folder)}: no test report (${error.message})`);
    }
  }
  return sum;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { passed, failed, problems } = sumTests(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const problem of problems) console.error(problem);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed`);
}
