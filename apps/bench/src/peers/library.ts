import { newFloatArray } from "@dlrt/core";
import { jsPeer, type Contender, type Problem } from "../harness/index.js";

/** What a peer says to a problem with decay where its algorithm, or the library it runs in, has none; else undefined. */
export const noDecay = ({ decay }: Problem): string | undefined => decay && "computes without decay";

/** A library in which the chunk algorithm is written down, one batch entry after the other, in float64. */
export function libraryPeer<Entry, Y>(
  { name, build }: Pick<Contender, "name" | "build">,
  entryOf: (problem: Problem, index: number) => Entry,
  solve: (entry: Entry) => Y,
  elementsOf: (y: Y) => ArrayLike<number>,
): Contender {
  return jsPeer({
    ...{ name, build, slow: true },
    refuses: (operation, problem) => (operation.name === "solve" ? noDecay(problem) : "solves only"),
    open(_, problem) {
      const { batch, n, p, dtype } = problem;
      const entries = Array.from({ length: batch }, (_, index) => entryOf(problem, index));
      let output: Y[] = [];
      return {
        call: () => {
          output = entries.map(solve);
        },
        read: async () => {
          const y = newFloatArray(dtype, batch * n * p);
          output.forEach((one, index) => y.set(elementsOf(one), index * n * p));
          return [y];
        },
      };
    },
  });
}
