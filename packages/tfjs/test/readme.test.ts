import { fileURLToPath } from "node:url";
import { runReadme } from "@dlrt/readme";
import { expect, test } from "vitest";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const readme = fileURLToPath(new URL("../README.md", import.meta.url));

test("the programs print what the README says", async () => {
  const results = await runReadme(readme, { cwd: packageRoot });
  expect(results).toHaveLength(2);
  for (const { line, expected, printed } of results) expect(printed, `line ${line}`).toBe(expected);
});
