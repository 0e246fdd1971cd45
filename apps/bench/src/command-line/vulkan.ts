import { spawn } from "node:child_process";
import { once } from "node:events";
import { hasHardwareVulkan, vulkanEnv } from "@dlrt/swiftshader";

/** Tells whether the user named a driver, rather than leaving the search to the Vulkan loader. */
function isNamed(): boolean {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, DLRT_GPU } = process.env;
  return Boolean(VK_DRIVER_FILES || VK_ICD_FILENAMES || DLRT_GPU === "hardware");
}

/** Whether there is a driver in this process, of a GPU or one that was named. */
export const hasDriver = (): boolean => isNamed() || hasHardwareVulkan();

/**
 * Dawn finds its Vulkan driver through the environment its process began with. Where the machine has none of its
 * own and WebGPU is asked for by name, runs this command again with SwiftShader in the environment. A driver that the user names (VK_DRIVER_FILES,
 * VK_ICD_FILENAMES) is used; DLRT_GPU=hardware leaves the search to the Vulkan loader, DLRT_GPU=software takes
 * SwiftShader in any case.
 * @returns the exit code of that run; undefined where this process can go on itself
 */
export async function inVulkanEnvironment(only: readonly string[] | undefined): Promise<number | undefined> {
  if (isNamed() || !(only?.includes("webgpu") || process.env["DLRT_GPU"] === "software")) return undefined;
  let extra: Record<string, string>;
  try {
    extra = vulkanEnv();
  } catch {
    // Without SwiftShader, the webgpu backend says itself why it cannot run.
    return undefined;
  }
  if (Object.keys(extra).length === 0) return undefined;
  const env = { ...process.env, ...extra };
  const child = spawn(process.execPath, process.argv.slice(1), { stdio: "inherit", env });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
