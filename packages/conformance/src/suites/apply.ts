/** apply, Y = α (op(T) X + F Z₀), and the final state Z, held to |error| ≤ 16 ε of the sum of absolute values. */
import { accuracyCases } from "./accuracy.js";
import type { Case } from "../trial.js";

export function applyCases(): Case[] {
  return accuracyCases("apply");
}
