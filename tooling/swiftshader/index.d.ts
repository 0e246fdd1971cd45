/**
 * What a process needs in its environment so that Dawn finds a Vulkan driver: nothing where the machine has a GPU of
 * its own, SwiftShader on other Linux machines. DLRT_GPU=software chooses SwiftShader in any case.
 */
export function vulkanEnv(): Record<string, string>;

/** The folder with SwiftShader's libvulkan and its driver, unpacked on first use. */
export function swiftshaderFolder(): string;

/** Whether the npm registry has a Chromium for this machine: it is built for Linux on x64 alone. Elsewhere tests skip. */
export const hasChromium: boolean;

/**
 * Options for playwright-core's `chromium.launch`: a headless Chromium with SwiftShader, unpacked on first use; on
 * macOS and Windows the machine's own Chrome.
 */
export function chromium(): {
  executablePath?: string;
  channel?: string;
  args: string[];
  env?: Record<string, string>;
};

/** Tells whether the machine has a GPU with a driver. It looks only on Linux, because other systems bring a driver. */
export function hasHardwareVulkan(): boolean;
