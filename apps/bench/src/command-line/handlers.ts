import { fetchPeers } from "@dlrt/peers";
import { environment } from "../harness/environment.js";
import type { Setting } from "../harness/index.js";
import { chartsCommand } from "./commands/charts.js";
import { comparison } from "./commands/comparison.js";
import { gpuReportCommand } from "./commands/gpu.js";
import { layerBackends, layerCommand } from "./commands/layer.js";
import { scalingCommand } from "./commands/scaling.js";
import { readReport } from "./compare.js";
import type { Handlers } from "./program.js";
import { shown, type Printed } from "./progress.js";
import { resultPath, userPath } from "./saved.js";
import { inVulkanEnvironment } from "./vulkan.js";

/** The commands, called with these arguments. */
export function handlers(args: readonly string[]): Handlers {
  /** Measures in a process whose environment names the driver of a GPU, where one may be asked for; `before` is printed first. */
  const measured = async (
    only: readonly string[] | undefined,
    command: (setting: Setting) => Promise<Printed>,
    before = "",
  ): Promise<void> => {
    const status = await inVulkanEnvironment(only);
    if (status !== undefined) {
      process.exitCode = status;
      return;
    }
    process.stdout.write(before);
    await shown((onProgress) => command({ environment: environment(), arguments: args, onProgress }));
  };
  return {
    run: async (options) => measured(options.backends, ...comparison(options)),
    compare: async (before, options) =>
      measured(options.backends, ...comparison(options, readReport(userPath(before)))),
    layer: (options) => measured(layerBackends(options), (setting) => layerCommand(options, setting)),
    scaling: (file, options) =>
      measured(options.backends, (setting) => scalingCommand(file, options, setting)),
    gpu: (options) => measured(["webgpu"], (setting) => gpuReportCommand(options, setting)),
    charts: async (files) => {
      process.stdout.write(`${chartsCommand(files.map(userPath), resultPath("charts"))}\n`);
    },
    peers: async () => {
      for (const { name, version } of fetchPeers())
        process.stdout.write(`${name} ${version ?? "is not there"}\n`);
    },
  };
}
