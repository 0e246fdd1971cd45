import {
  isBad,
  layerContenders,
  naiveLayer,
  plantedLayer,
  runLayers,
  type LayerContender,
  type LayerReport,
  type Missing,
  type Setting,
} from "../../harness/index.js";
import { openNumpyLayer, openOnnx, openWebGpuPage } from "../../peers/index.js";
import { createBackends } from "../backends.js";
import { layerCases } from "../layer-cases.js";
import type { LayerCommandOptions, Options } from "../options.js";
import { colour, type Printed } from "../progress.js";
import { keep } from "../saved.js";
import { renderLayers } from "../text/layer.js";

const SECONDS = 4;

/** The backends wished for; a device only where it is asked for, as the software one takes minutes. */
export const layerBackends = ({ backends, webgpu }: LayerCommandOptions): readonly string[] => [
  ...(backends ?? ["js", "wasm"]),
  ...(webgpu && !backends?.includes("webgpu") ? ["webgpu"] : []),
];

/** Opens everyone who is asked for. */
async function everyone(options: LayerCommandOptions): Promise<readonly (LayerContender | Missing)[]> {
  const { threads, peers, planted } = options;
  const only = layerBackends(options);
  const { opened, missing } = await createBackends({ only, threads });
  const ours = [...opened.flatMap(layerContenders), ...missing, ...(planted ? [plantedLayer] : [])];
  if (!peers) return ours;
  const onnx = await openOnnx(threads);
  const inPage = only.includes("webgpu") ? await openWebGpuPage() : [];
  return [...ours, ...onnx, ...inPage, naiveLayer, await openNumpyLayer()];
}

/** A long prompt through the layer of Qwen3-Next and Qwen3.5: what the main comparison begins with. */
const FIRST = layerCases({ task: ["prefill"], layer: ["gated"] }).slice(0, 1);

/** Measures that layer on js, wasm and naive JavaScript, from arrays to arrays. */
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

/** `bench layer` */
export async function layerCommand(options: LayerCommandOptions, setting: Setting): Promise<Printed> {
  const { seed, repetitions, seconds = SECONDS } = options;
  const found = await everyone(options);
  const contenders = found.filter((one): one is LayerContender => "open" in one);
  const missing = found.filter((one): one is Missing => "reason" in one);
  try {
    const how = { seed, repetitions, seconds };
    const report = await runLayers({ ...setting, ...how, cases: layerCases(options), contenders, missing });
    const parts = [renderLayers(report, colour), ...keep(report, options, "layer")];
    return { text: parts.join("\n\n"), failed: report.cases.some(({ rows }) => rows.some(isBad)) };
  } finally {
    for (const contender of contenders) await contender.dispose();
  }
}
