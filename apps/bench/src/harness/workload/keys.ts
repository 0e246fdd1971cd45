import { withGates } from "./gates.js";
import { allocate, type Problem, type Request } from "./problem.js";
import { normalise, Random } from "./random.js";

/**
 * DeltaNet on random data: unit keys, β uniform in (0, 1), Q = βK, right-hand side βV. Any two keys of a batch
 * entry have an expected cosine of `correlation`.
 */
function deltaNet(request: Request, correlation: number, about: string): Problem {
  const { batch, n, r, p, seed } = request;
  const { q, k, b, ...rest } = allocate(request);
  const random = new Random(seed);
  const common = new Float64Array(r);
  const [shared, own] = [Math.sqrt(correlation), Math.sqrt(1 - correlation)];
  for (let row = 0; row < batch * n; row++) {
    if (row % n === 0) {
      random.fillNormal(common, 1);
      normalise(common, 0, r);
    }
    for (let a = 0; a < r; a++) k[row * r + a] = shared * common[a]! + (own * random.normal()) / Math.sqrt(r);
    normalise(k, row * r, r);
    const beta = random.uniform();
    for (let a = 0; a < r; a++) q[row * r + a] = beta * k[row * r + a]!;
    for (let j = 0; j < p; j++) b[row * p + j] = beta * random.normal();
  }
  return withGates({ ...rest, q, k, b, about }, request);
}

export function randomKeys(request: Request): Problem {
  return deltaNet(request, 0, "unit keys, random directions; β uniform in (0, 1)");
}

export function correlatedKeys(request: Request): Problem {
  return deltaNet(request, 0.9, "unit keys of expected cosine 0.9; β uniform in (0, 1)");
}
