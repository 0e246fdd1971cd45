import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runReadme } from "@dlrt/readme";
import { expect, test } from "vitest";
import { worstErrors } from "./errors.js";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const readme = fileURLToPath(new URL("../README.md", import.meta.url));

test("the programs print what the README says", async () => {
  const results = await runReadme(readme, { cwd: packageRoot });
  expect(results.length).toBeGreaterThan(0);
  for (const { line, expected, printed } of results) expect(printed, `line ${line}`).toBe(expected);
});

test("the README's worst errors are those measured", () => {
  const stated = new Map(
    [...readFileSync(readme, "utf8").matchAll(/^\| `([^`]+)` \| (\d\.\de-\d+) \|/gm)].map(
      ([, name, error]) => [name!, Number(error)],
    ),
  );
  const measured = worstErrors();
  const table = measured.map(([name, error]) => `| \`${name}\` | ${error.toExponential(1)} |`).join("\n");
  expect([...stated.keys()], table).toEqual(measured.map(([name]) => name));
  for (const [name, error] of measured) {
    expect(error, name).toBeLessThanOrEqual(1e-6);
    // Rounded to two digits, and the reference's Math.exp may differ in its last bit.
    expect(Math.abs(error - stated.get(name)!), table).toBeLessThanOrEqual(0.06 * error);
  }
});
