import type { HostTensor, Kernels } from "@dlrt/core";
import { apply } from "./apply.js";
import { inverse } from "./inverse.js";
import { rowDot } from "./row-dot.js";
import { solve } from "./solve.js";
import { trilInverse } from "./tril-inverse.js";

/** Every kernel of the contract, on typed arrays: run when the call returns. (n) in a comment is an equation of core/src/reference/README.md. */
export const jsKernels: Kernels<HostTensor> = { apply, solve, inverse, trilInverse, rowDot };
