/** More than 65,535 tokens, or heads, where a device folds its grid of workgroups. */
import { LackError, type Case } from "../../trial.js";
import { allLayers, type Layer } from "../definition.js";
import { plainProblem } from "../design.js";
import { dtypes, judgeForward, layerCase } from "./shared.js";

export function manyCases(layers: readonly Layer[] = allLayers): Case[] {
  // Such sizes take long to judge, so that one layer stands for the others: by tokens one that solves a system, by
  // heads one that does not.
  const all = [
    ["gatedDeltaRule", "more than 65535 tokens", { tokens: 65537, heads: { query: 1, key: 1, value: 1 } }],
    ["gla", "more than 65535 heads", { batch: 16385, tokens: 2, heads: { query: 4, key: 1, value: 2 } }],
  ] as const;
  return all.flatMap(([layerName, name, own]) =>
    layers
      .filter((layer) => layer.name === layerName)
      .flatMap((layer) =>
        dtypes.map((dtype) =>
          layerCase("size", layer, dtype, { name: `${layer.name}, ${name}` }, async (trial) => {
            const { maxN, maxWork } = trial.plan;
            if (65537 > maxN || 2 * 65540 > maxWork) throw new LackError("more than maxN or maxWork allow");
            await judgeForward(trial, plainProblem(layer, { ...own, keyWidth: 1, valueWidth: 1 }));
          }),
        ),
      ),
  );
}
