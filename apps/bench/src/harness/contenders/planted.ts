import { createJsBackend } from "@dlrt/backend-js";
import { backendContender, type Contender } from "./contender.js";

/** A fast backend with a wrong answer, to show what the bench does with one: one element is off by 2⁻⁸, as a lost product can make it. */
export function plantedWrong(): Contender {
  const right = backendContender("planted", createJsBackend({ name: "planted" }));
  return {
    ...right,
    build: "backend-js with one element of the answer changed",
    open(operation, problem, chunk) {
      const run = right.open(operation, problem, chunk);
      return {
        ...run,
        async read() {
          const outputs = await run.read();
          const y = outputs[0]!;
          const middle = y.length >> 1;
          y[middle] = y[middle]! + (y[middle]! < 0 ? -1 : 1) * 2 ** -8;
          return outputs;
        },
      };
    },
  };
}
