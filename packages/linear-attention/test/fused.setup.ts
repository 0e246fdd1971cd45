import { createJsBackend } from "@dlrt/backend-js";
import { deltaRule, deltaRuleVjp } from "./plain-kernels.js";

/** backend-js with the plainest kernels for a layer: what the engine hands to them is seen in the results. */
Object.assign(createJsBackend().kernels, { deltaRule, deltaRuleVjp });
