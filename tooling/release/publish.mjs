// The release workflow runs this once a pull request of versions is merged: it asks the guard, builds and publishes.
import { spawnSync } from "node:child_process";
import { guard } from "./guard.mjs";
import { ROOT, publishable } from "./packages.mjs";

guard(ROOT);
const filters = publishable().map(({ name }) => `--filter=${name}`);
for (const args of [
  ["turbo", "run", "build", ...filters],
  ["changeset", "publish", ...process.argv.slice(2)],
]) {
  const { status } = spawnSync("pnpm", ["exec", ...args], {
    cwd: ROOT,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(status ?? 1);
}
