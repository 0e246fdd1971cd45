import { textWorkload } from "./delta-net.js";
import { correlatedKeys, randomKeys } from "./keys.js";
import type { Workload } from "./problem.js";
import { seedProgram } from "./seed.js";

export const WORKLOAD_NAMES = ["text", "random", "correlated", "seed"] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

export const workloads: Readonly<Record<WorkloadName, Workload>> = {
  text: textWorkload,
  random: randomKeys,
  correlated: correlatedKeys,
  seed: seedProgram,
};
