import type { HostTensor } from "@dlrt/core";
import type { Kernels } from "@dlrt/core/backend";
import { apply } from "./apply.js";
import { copy } from "./copy.js";
import { decayVjp } from "./decay-vjp.js";
import { deltaRule } from "./delta-rule.js";
import { deltaRuleVjp } from "./delta-rule-vjp.js";
import { inverse } from "./inverse.js";
import { rowDot } from "./row-dot.js";
import { solve } from "./solve.js";
import { trilInverse } from "./tril-inverse.js";

/**
 * The contract's kernels on typed arrays. Their work is done when the call returns. In the comments of this folder, (n)
 * is equation n of core/src/reference/README.md.
 */
export const jsKernels: Kernels<HostTensor> = {
  apply,
  solve,
  inverse,
  trilInverse,
  rowDot,
  copy,
  decayVjp,
  deltaRule,
  deltaRuleVjp,
};
