import type { Case } from "../../trial.js";
import type { Layer } from "../definition.js";
import { callCases } from "./calls.js";
import { exactLayerCases } from "./exact.js";
import { manyCases } from "./many.js";
import { normalizedCases } from "./normalized.js";
import { pieceCases } from "./pieces.js";
import { resultCases } from "./results.js";
import { sequenceCases } from "./sequences.js";

/**
 * Returns every case of every layer.
 *
 * @param layers Default: those of @dlrt/linear-attention
 */
export function layerCases(layers?: readonly Layer[]): Case[] {
  return [
    ...resultCases(layers),
    ...exactLayerCases(layers),
    ...pieceCases(layers),
    ...sequenceCases(layers),
    ...normalizedCases(layers),
    ...callCases(layers),
    ...manyCases(layers),
  ];
}
