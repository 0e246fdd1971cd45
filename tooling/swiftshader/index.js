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

/** Returns a folder of the cache, and fills it on first use. It appears at once, because several test processes may come at the same time. */
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

export function swiftshaderFolder() {
  const { root, version } = chromiumPackage();
  return cached(`swiftshader-${version}`, (into) => unpack(root, "swiftshader.tar.br", into));
}

/** Tells whether the machine has a GPU with a driver. On systems other than Linux there always is one. */
export function hasHardwareVulkan() {
  if (process.platform !== "linux") return true;
  const drivers = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/nvidia/share/vulkan/icd.d"]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((file) => file.endsWith(".json") && !/lvp|swiftshader/.test(file));
  const device = existsSync("/dev/nvidia0") || (existsSync("/dev/dri") && readdirSync("/dev/dri").length > 0);
  return device && drivers.length > 0;
}

export function vulkanEnv() {
  const software = process.env["DLRT_GPU"] === "software";
  if (process.platform !== "linux" || (!software && hasHardwareVulkan())) return {};
  const folder = swiftshaderFolder();
  return {
    LD_LIBRARY_PATH: [folder, process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
    VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
  };
}

/** The Chromium of the npm registry is built for Linux on x64 alone. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

/** Returns the options for playwright-core's `chromium.launch`. */
export function chromium() {
  // On other systems the browser that is installed finds the machine's own Metal or D3D12.
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
    // Workgroup memory is not zeroed, since no shader of ours needs that, and SwiftShader takes seconds to compile it.
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
