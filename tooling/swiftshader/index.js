import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { extractTar } from "./tar.js";

const require = createRequire(import.meta.url);

function chromiumPackage() {
  const entry = require.resolve("@sparticuz/chromium");
  const root =
    entry.slice(0, entry.lastIndexOf(join("@sparticuz", "chromium"))) + join("@sparticuz", "chromium");
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return { root, version };
}

/** Fills a folder of the user's cache once, and names it. It appears whole or not at all, because several test processes may fill it at the same time. */
function cached(name, fill) {
  const base = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "dlrt");
  const folder = join(base, name);
  if (existsSync(folder)) return folder;
  mkdirSync(base, { recursive: true });
  const fresh = mkdtempSync(join(base, "unpack-"));
  fill(fresh);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

const unpack = (root, archive, into) =>
  extractTar(brotliDecompressSync(readFileSync(join(root, "bin", archive))), into);

/** Returns the folder that has SwiftShader's files, which it unpacks when it is first called. */
export function swiftshaderFolder() {
  const { root, version } = chromiumPackage();
  return cached(`swiftshader-${version}`, (into) => unpack(root, "swiftshader.tar.br", into));
}

/** Tells whether the machine has a GPU with a driver. It looks only on Linux, because other systems bring a driver. */
export function hasHardwareVulkan() {
  if (process.platform !== "linux") return true;
  const drivers = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/nvidia/share/vulkan/icd.d"]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((file) => file.endsWith(".json") && !/lvp|swiftshader/.test(file));
  const device = existsSync("/dev/nvidia0") || (existsSync("/dev/dri") && readdirSync("/dev/dri").length > 0);
  return device && drivers.length > 0;
}

/**
 * Returns the environment in which a process finds a Vulkan driver: SwiftShader's, where the machine has no GPU with a driver or
 * DLRT_GPU is "software", and otherwise nothing, which leaves the machine's own. It has to be set before the process starts.
 */
export function vulkanEnv() {
  const software = process.env["DLRT_GPU"] === "software";
  if (process.platform !== "linux" || (!software && hasHardwareVulkan())) return {};
  const folder = swiftshaderFolder();
  return {
    LD_LIBRARY_PATH: [folder, process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
    VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
  };
}

/** Whether there is a Chromium in the npm registry for this machine: it is built for x64 Linux alone. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

/** Returns the options that playwright-core's `chromium.launch` needs. */
export function chromium() {
  // On other systems the browser that is installed there finds the machine's own Metal or Direct3D 12.
  if (process.platform !== "linux") return { channel: "chrome", args: ["--enable-unsafe-webgpu"] };
  const { root, version } = chromiumPackage();
  const folder = cached(`chromium-${version}`, (into) => {
    const binary = brotliDecompressSync(readFileSync(join(root, "bin", "chromium.br")));
    writeFileSync(join(into, "chromium"), binary, { mode: 0o755 });
    unpack(root, "swiftshader.tar.br", into);
    unpack(root, "al2023.tar.br", into);
  });
  const libraries = [folder, join(folder, "lib"), join(folder, "al2023", "lib")];
  return {
    executablePath: join(folder, "chromium"),
    // The last argument leaves out that workgroup memory is set to zero: our shaders do not need it, and SwiftShader takes seconds to compile it.
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--disable-dev-shm-usage",
      "--use-webgpu-adapter=swiftshader",
      "--enable-dawn-features=disable_workgroup_init",
    ],
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(":") },
  };
}
