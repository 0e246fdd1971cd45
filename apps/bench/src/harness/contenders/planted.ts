import { backendContender, type Contender } from "./contender.js";
import type { Run } from "../operations/operation.js";
import { createJsBackend } from "@dlrt/backend-js";

/** Makes one element wrong by 2⁻⁸, as a single lost product can. */
function spoil(run: Run): Run {
  return {
    ...run,
    read: async () => {
      const outputs = await run.read();
      const [y] = outputs;
      if (y !== undefined && y.length > 0) {
        const middle = y.length >> 1;
        y[middle] = y[middle]! + (y[middle]! < 0 ? -1 : 1) * 2 ** -8;
      }
      return outputs;
    },
  };
}

/** A fast backend with a wrong answer, to show what the bench does with one. */
export function plantedWrong(): Contender {
  const right = backendContender("planted", createJsBackend({ name: "planted" }));
  return {
    ...right,
    build: "backend-js with one element of the answer changed",
    open: (operation, problem, chunk) => spoil(right.open(operation, problem, chunk)),
  };
}
