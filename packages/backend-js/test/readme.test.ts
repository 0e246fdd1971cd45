import { fileURLToPath } from "node:url";
import { runReadme } from "@dlrt/readme";
import { expect, test } from "vitest";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));

test.each(["README.md", "../core/README.md"])("the programs of %s print what it says", async (file) => {
  const results = await runReadme(fileURLToPath(new URL(`../${file}`, import.meta.url)), {
    cwd: packageRoot,
  });
  expect(results.length).toBeGreaterThan(0);
  for (const { line, expected, printed } of results) expect(printed, `line ${line}`).toBe(expected);
});
