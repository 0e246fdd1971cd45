import {
  backendContender,
  plantedWrong,
  sparing,
  type Contender,
  type Found,
  type Missing,
} from "../harness/index.js";
import { createBackends } from "./backends.js";
import type { Who } from "./options.js";

/** Opens everyone who is asked for, and closes them when the work is done. */
export async function withContenders<T>(
  { backends: only, threads, peers, planted, patient }: Who,
  others: readonly (Contender | (() => Promise<Contender | Missing>))[],
  work: (found: Found) => Promise<T>,
): Promise<T> {
  const { opened, missing } = await createBackends({ only, threads });
  const contenders = opened.map(({ name, backend, ceiling }) => backendContender(name, backend, ceiling));
  if (planted) contenders.push(plantedWrong());
  for (const other of peers ? others : []) {
    const one = typeof other === "function" ? await other() : other;
    if ("open" in one) contenders.push(one);
    else missing.push(one);
  }
  try {
    return await work({ contenders: patient ? contenders : contenders.map(sparing), missing });
  } finally {
    for (const contender of contenders) await contender.dispose();
  }
}
