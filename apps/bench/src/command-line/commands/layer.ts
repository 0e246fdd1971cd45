import { createBackends } from "../backends.js";
import type { LayerCommandOptions, Options } from "../options.js";
import type { Missing } from "../../harness/contenders/contender.js";
import type { Environment } from "../../harness/environment.js";
import { savePath, userPath, writeJson } from "../saved.js";
import { openWebGpuPage } from "../../peers/browser.js";
import { layerCases } from "../layer-cases.js";
import { layerContenders, type LayerContender } from "../../harness/layer/contender.js";
import { naiveLayer } from "../../harness/layer/naive.js";
import { openNumpyLayer } from "../../peers/numpy-layer.js";
import { openOnnx } from "../../peers/onnx.js";
import { plantedLayer } from "../../harness/layer/planted.js";
import { hasLayerFailures, runLayers, type LayerInput, type LayerReport } from "../../harness/layer/run.js";
import { renderLayers } from "../text/layer.js";

const SECONDS = 4;

type Found = readonly (LayerContender | Missing)[];

interface Setting {
  readonly environment: Environment;
  readonly arguments: readonly string[];
  readonly onProgress: LayerInput["onProgress"];
}

/** The backends wished for; a device only where it is asked for, as the software one takes minutes. */
export const layerBackends = ({ backends, webgpu }: LayerCommandOptions): readonly string[] => [
  ...(backends ?? ["js", "wasm"]),
  ...(webgpu && !backends?.includes("webgpu") ? ["webgpu"] : []),
];

async function everyone(options: LayerCommandOptions): Promise<Found> {
  const { threads, peers, planted } = options;
  const only = layerBackends(options);
  const withDevice = only.includes("webgpu");
  const { opened, missing } = await createBackends({ only, threads });
  return [
    ...opened.flatMap(layerContenders),
    ...missing,
    ...(planted ? [plantedLayer] : []),
    ...(peers
      ? [
          ...(await openOnnx(threads)),
          ...(withDevice ? await openWebGpuPage() : []),
          naiveLayer,
          await openNumpyLayer(),
        ]
      : []),
  ];
}

/** A long prompt through the layer of Qwen3-Next and Qwen3.5: what the main comparison begins with. */
const FIRST = layerCases({ task: ["prefill"], layer: ["gated"] }).slice(0, 1);

/** That layer on js, wasm and naive JavaScript, from arrays to arrays. */
export async function firstLayer(
  { threads, peers, backends, seed, repetitions }: Options,
  setting: Setting,
): Promise<LayerReport> {
  const only = (backends ?? ["js", "wasm"]).filter((name) => name !== "webgpu");
  const { opened } = await createBackends({ only, threads });
  const ours = opened.filter(({ name }) => !name.includes("relaxed")).map((one) => layerContenders(one)[0]!);
  try {
    const contenders = peers ? [...ours, naiveLayer] : ours;
    const how = { seed, repetitions, seconds: 3, missing: [] };
    return await runLayers({ ...setting, ...how, cases: FIRST, contenders });
  } finally {
    for (const { backend } of opened) await backend.dispose();
  }
}

/** `bench layer`. @returns what to print, and whether any answer was wrong */
export async function layerCommand(
  options: LayerCommandOptions,
  setting: Setting,
  colour: boolean,
): Promise<{ text: string; failed: boolean }> {
  const { seed, repetitions, seconds = SECONDS, json, save } = options;
  const found = await everyone(options);
  const contenders = found.filter((one): one is LayerContender => "open" in one);
  const missing = found.filter((one): one is Missing => "reason" in one);
  try {
    const how = { seed, repetitions, seconds };
    const report = await runLayers({ ...setting, ...how, cases: layerCases(options), contenders, missing });
    const parts = [renderLayers(report, colour)];
    if (json !== undefined) writeJson(userPath(json), report);
    if (save) {
      const path = savePath(report, "layer");
      writeJson(path, report);
      parts.push(`Saved as ${path}`);
    }
    return { text: parts.join("\n\n"), failed: hasLayerFailures(report) };
  } finally {
    for (const contender of contenders) await contender.dispose();
  }
}
