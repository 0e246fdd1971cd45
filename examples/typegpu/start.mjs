// Starts main.mjs with a Vulkan driver: the machine's own, or SwiftShader where it has none.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { vulkanEnv } from "@dlrt/swiftshader";

const main = fileURLToPath(new URL("main.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [main], {
  env: { ...process.env, ...vulkanEnv() },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
