/** solve, Y = α op(T)⁻¹ (B − F Z₀), and the final state Z, held to ω ≤ 16 ε on everything that is known to go wrong. */
import { accuracyCases } from "./accuracy.js";
import type { Case } from "../trial.js";

export function solveCases(): Case[] {
  return accuracyCases("solve");
}
