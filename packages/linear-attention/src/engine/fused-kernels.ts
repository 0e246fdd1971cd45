import type { Backend, Tensor } from "@dlrt/core";
import type { Kernels } from "@dlrt/core/backend";
import type { Mix, MixCall } from "./operands.js";
import type { Rule } from "./rule.js";
import type { Tape } from "./tape.js";

/** The kernels that compute a layer's output and its gradients in one pass. Only the first is there unless gradients are asked for. */
export type FusedKernels<T extends Tensor> = Required<Pick<Kernels<T>, "deltaRule" | "deltaRuleVjp">>;

type HeadCounts = Pick<MixCall<never>, "stateHeads" | "outHeads">;

/**
 * Returns the kernels that compute these rows in one pass, or undefined where two operations of core have to: where the backend lacks the
 * kernels, or does not decay as the rows do; where nothing is erased, or P is given as it is; and where more than two heads of the output
 * share a state, which the kernel would compute again for each of them.
 */
export function fusedKernels<T extends Tensor>(
  { scope: { backend }, recording }: Tape<T>,
  { erase, decay, key }: Mix<T>,
  call: HeadCounts,
): FusedKernels<T> | undefined {
  if (erase === undefined) return undefined;
  const { decay: supported = "none" } = backend.supports;
  if (decay && (supported === "none" || (supported === "row" && decay.width !== 1 && key.width !== 1)))
    return undefined;
  return kernelsFor(backend, call, recording);
}

function kernelsFor<T extends Tensor>(
  { kernels, supports: { missing = [] } }: Backend<T>,
  { stateHeads, outHeads }: HeadCounts,
  recording: boolean,
): FusedKernels<T> | undefined {
  if (outHeads > 2 * stateHeads) return undefined;
  if (kernels.deltaRule === undefined || missing.includes("deltaRule")) return undefined;
  if (recording && (kernels.deltaRuleVjp === undefined || missing.includes("deltaRuleVjp"))) return undefined;
  return kernels as FusedKernels<T>;
}

/**
 * Returns the rule by which a backend computes a layer: the rule without scratch channels, where there is one and the backend's kernels
 * take an erase key of the layer's own, and the rule itself otherwise.
 * @param recording tells whether the gradients are asked for, which have a kernel of their own
 */
export function ruleFor(backend: Backend, rule: Rule, call: HeadCounts, recording: boolean): Rule {
  const { eraseKey = [], decay = "none" } = backend.supports;
  if (rule.withoutScratch === undefined || decay === "none" || !eraseKey.includes("deltaRule")) return rule;
  if (recording && !eraseKey.includes("deltaRuleVjp")) return rule;
  return kernelsFor(backend, call, recording) ? rule.withoutScratch : rule;
}
