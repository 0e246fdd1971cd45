import { fileURLToPath } from "node:url";
import { runReadme } from "@dlrt/readme";
import { expect, test } from "vitest";

test("the program of the README prints what it says", async () => {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const results = await runReadme(fileURLToPath(new URL("../README.md", import.meta.url)), { cwd });
  expect(results.length).toBe(3); // the programs of the first call, of `record`, and of waiting for the self-test
  for (const { line, expected, printed } of results) expect(printed, `line ${line}`).toBe(expected);
});
