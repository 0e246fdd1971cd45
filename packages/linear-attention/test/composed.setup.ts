import { createJsBackend } from "@dlrt/backend-js";
import type { Kernels } from "@dlrt/core/backend";

// Takes the kernels for a whole layer away from backend-js, so that every layer is composed of operations of core.
const kernels: Kernels<never> = createJsBackend().kernels;
delete kernels.deltaRule;
delete kernels.deltaRuleVjp;
