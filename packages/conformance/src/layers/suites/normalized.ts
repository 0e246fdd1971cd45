/** Normalised keys and queries. Some of them are zero, and their gradient must be finite. */
import { UnsupportedError } from "@dlrt/core";
import { LackError, type Case, type Trial } from "../../trial.js";
import { allLayers, type Layer } from "../definition.js";
import { affordable, HEADS, plainProblem } from "../design.js";
import { dtypes, judgeForward, judgeGradients, layerCase } from "./shared.js";

/** Runs `body`. A backend that cannot normalise rows says so by name, and the case is then not run. */
async function whereAble(body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof UnsupportedError && error.message.startsWith("normalizeKeys:"))
      throw new LackError(error.message);
    throw error;
  }
}

async function normalized(trial: Trial, layer: Layer, which: number, back: boolean): Promise<void> {
  for (const [index, eps] of [1e-6, 0.25].entries()) {
    const problem = affordable(
      plainProblem(layer, {
        ...{ batch: 2, tokens: 33, keyWidth: index === 0 ? 24 : 5, valueWidth: 7, eps },
        ...{ keys: "some zero", heads: HEADS[(which + index) % HEADS.length]!, seed: which + index },
      }),
      trial.plan,
    );
    await whereAble(() => (back ? judgeGradients(trial, problem) : judgeForward(trial, problem)));
  }
}

export function normalizedCases(layers: readonly Layer[] = allLayers): Case[] {
  return layers.flatMap((layer, which) =>
    dtypes.flatMap((dtype) => [
      layerCase("normalised keys", layer, dtype, {}, (trial) => normalized(trial, layer, which, false)),
      layerCase(
        "normalised keys",
        layer,
        dtype,
        { name: `gradients of ${layer.name}`, operation: `gradients of ${layer.name}`, gradients: true },
        (trial) => normalized(trial, layer, which, true),
      ),
    ]),
  );
}
