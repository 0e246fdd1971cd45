/**
 * Returns what a process needs in its environment so that Dawn finds a Vulkan driver: nothing where the machine has a GPU
 * of its own, and SwiftShader on other Linux machines. DLRT_GPU=software chooses SwiftShader in any case.
 */
export function vulkanEnv(): Record<string, string>;

/** Returns the folder with SwiftShader's libvulkan and its driver, which is unpacked on first use. */
export function swiftshaderFolder(): string;

/** Whether the npm registry has a Chromium for this machine: it is built for Linux on x64 alone. Elsewhere tests skip. */
export const hasChromium: boolean;

/**
 * Returns the options for playwright-core's `chromium.launch`: a headless Chromium with SwiftShader, which is unpacked on
 * first use; on macOS and Windows, the machine's own Chrome.
 */
export function chromium(): {
  executablePath?: string;
  channel?: string;
  args: string[];
  env?: Record<string, string>;
};

/** Tells whether the machine has a GPU with a driver. On systems other than Linux there always is one. */
export function hasHardwareVulkan(): boolean;
