import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runProgram } from "@dlrt/readme";
import { describe, expect, inject, test } from "vitest";
import { quickstarts } from "../install.mjs";

const user = inject("user");
const programs = quickstarts(user).filter(({ gpu }) => !gpu);

/** Returns Deno's binary as its npm package brings it, without the script that the package would run when it is installed. */
function denoBinary() {
  const from = createRequire(createRequire(import.meta.url).resolve("deno/package.json"));
  const { platform, arch } = process;
  const name = `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  try {
    const file = join(
      dirname(from.resolve(`${name}/package.json`)),
      platform === "win32" ? "deno.exe" : "deno",
    );
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined; // no build of Deno for this machine
  }
}

const deno = denoBinary();

describe.skipIf(!deno)("Deno", () => {
  test.each(programs)("$title prints what it says", async ({ code, output }) => {
    const command = [deno, "run", "--allow-all", "--no-remote", "--node-modules-dir=manual", "-"];
    const env = { DENO_DIR: join(user, ".deno"), DENO_NO_UPDATE_CHECK: "1" };
    expect(await runProgram(code, { cwd: user, command, env })).toBe(output);
  });
});
