// Starts on-gpu.mjs with a Vulkan driver: the machine's own, or SwiftShader where it has none.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { vulkanEnv } from "@dlrt/swiftshader";

const program = fileURLToPath(new URL("on-gpu.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [program], {
  env: { ...process.env, ...vulkanEnv() },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
