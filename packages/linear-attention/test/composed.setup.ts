import { createJsBackend } from "@dlrt/backend-js";
import type { Kernels } from "@dlrt/core/backend";

/** backend-js without kernels of its own for a layer: every layer is composed of operations of core. */
const kernels: Kernels<never> = createJsBackend().kernels;
delete kernels.deltaRule;
delete kernels.deltaRuleVjp;
