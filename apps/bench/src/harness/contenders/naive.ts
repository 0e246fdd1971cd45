import { newFloatArray } from "@dlrt/core";
import { naiveSolve } from "../operations/naive-solve.js";
import { jsPeer, type Contender } from "./contender.js";

export const naive: Contender = jsPeer({
  name: "naive-js",
  build: "row by row on typed arrays",
  refuses: ({ name }) => (name === "solve" ? undefined : "solves only"),
  open(_, problem) {
    const y = newFloatArray(problem.dtype, problem.b.length).fill(Number.NaN);
    const z = newFloatArray(problem.dtype, problem.r * problem.p);
    return { call: () => naiveSolve(problem, y, z), read: async () => [y] };
  },
});
