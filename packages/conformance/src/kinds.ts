/** The three ways an operator decays, for suites that go through each. */
import type { DecayKind, Dtype } from "@dlrt/core";
import fc from "fast-check";
import { gateNames, type GateKind, type Gates } from "./gates.js";
import type { Budget } from "./sizes.js";
import type { Case } from "./trial.js";

export const gateKinds: readonly GateKind[] = ["row", "channel"];
export const decayKinds: readonly DecayKind[] = ["none", ...gateKinds];

/** Draws any family of gates of this kind. The result is undefined without decay. */
export function anyGates(kind: DecayKind): fc.Arbitrary<Gates | undefined> {
  if (kind === "none") return fc.constant(undefined);
  return fc.constantFrom(...gateNames).map((name) => ({ name, kind }));
}

/** Returns how titles of cases begin: "f32", or "f32, decay per row". */
export function titleFor(dtype: Dtype, kind: DecayKind): string {
  return kind === "none" ? dtype : `${dtype}, decay per ${kind}`;
}

/** Returns what such a case demands of a backend. */
export function needs(kind: DecayKind): Pick<Case, "decay"> {
  return kind === "none" ? {} : { decay: kind };
}

/**
 * Lowers a plan's sizes to what random cases with decay can afford: they take long to judge, and they repeat the sizes
 * of the cases without decay.
 */
export function budgetFor({ maxN, maxWork }: Budget, kind: DecayKind): Budget {
  return { maxN, maxWork: kind === "none" ? maxWork : Math.min(maxWork, 2 ** 14) };
}
