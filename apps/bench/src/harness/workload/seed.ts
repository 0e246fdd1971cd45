import { withGates } from "./gates.js";
import { allocate, type Problem, type Request } from "./problem.js";
import { Random } from "./random.js";

/** The sizes of the seed article's two programs (kexue.fm/archives/11072), and the chunk they use. */
export const SEED_SIZES = { batch: 1, n: 1000, r: 100, p: 100 } as const;
export const SEED_CHUNK = 200;

/** Q, K, V = randn(n, d) / √d, Λ = I; V is the right-hand side. */
export function seedProgram(request: Request): Problem {
  const problem = allocate(request);
  const random = new Random(request.seed);
  random.fillNormal(problem.q, 1 / Math.sqrt(request.r));
  random.fillNormal(problem.k, 1 / Math.sqrt(request.r));
  random.fillNormal(problem.b, 1 / Math.sqrt(request.p));
  return withGates({ ...problem, about: "Q, K, V = randn(n, d)/√d, Λ = I, as in the article" }, request);
}
