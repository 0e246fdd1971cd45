import { fileURLToPath } from "node:url";
import { runReadme } from "@dlrt/readme";
import { expect, test } from "vitest";

const cwd = fileURLToPath(new URL("..", import.meta.url));

test("the programs of the README print what it says", async () => {
  const results = await runReadme(fileURLToPath(new URL("../README.md", import.meta.url)), { cwd });
  expect(results.length).toBeGreaterThan(2);
  for (const { line, expected, printed } of results) expect(printed, `line ${line}`).toBe(expected);
});
