export type { ReferenceProblem } from "./reference/walk.js";
