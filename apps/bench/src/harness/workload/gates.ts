import { newFloatArray, type FloatArray } from "@dlrt/core";
import type { Problem, Request } from "./problem.js";
import { Random } from "./random.js";

/** Returns what a layer projects token `i` of a head to before its gate: about standard normal, one number a row or one a channel. */
export type GateInput = (head: number, i: number, channel: number) => number;

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Returns the x whose softplus is y > 0. */
const inverseSoftplus = (y: number): number => y + Math.log(-Math.expm1(-y));

const [LEAST_STEP, GREATEST_STEP] = [1e-3, 0.1];

/** Draws a step dt, log-uniform in [1e-3, 0.1], and returns the bias of which it is the softplus. */
function drawBias(random: Random): number {
  const [low, high] = [Math.log(LEAST_STEP), Math.log(GREATEST_STEP)];
  return inverseSoftplus(Math.exp(low + (high - low) * random.uniform()));
}

/** Returns how many columns g has as a request asks for it. */
export const gateColumns = ({ decay = "none", r }: Request): number =>
  decay === "none" ? 0 : decay === "row" ? 1 : r;

/**
 * g = −exp(A_log) softplus(a + dt_bias), the gate of Mamba-2, Gated DeltaNet and KDA, with parameters as these models
 * initialise them: exp(A_log) uniform in [1, 16] for each head, softplus(dt_bias) log-uniform in [1e-3, 0.1] for each head, or
 * for each channel where g has channels. They are drawn from a stream of their own, so that all else is as without decay.
 * @returns [batch, n, 1] or [batch, n, r]; undefined where no decay is asked for
 */
export function gates(request: Request, input: GateInput): FloatArray | undefined {
  const columns = gateColumns(request);
  if (columns === 0) return undefined;
  const { batch: heads, n, dtype, seed } = request;
  const random = new Random(~seed);
  const g = newFloatArray(dtype, heads * n * columns);
  for (let h = 0; h < heads; h++) {
    const rate = 1 + 15 * random.uniform();
    const bias = Float64Array.from({ length: columns }, () => drawBias(random));
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < columns; c++) {
        g[(h * n + i) * columns + c] = -rate * softplus(input(h, i, c) + bias[c]!);
      }
    }
  }
  return g;
}

/** Standard normal numbers, for what has no tokens that its gates could be made from. */
export function randomInput(seed: number): GateInput {
  const random = new Random(seed ^ 0x5bd1e995);
  return () => random.normal();
}

/** Adds the decay that was asked for to a problem, and to the words that tell what it is made from. */
export function withGates(
  problem: Omit<Problem, "decay">,
  request: Request,
  input: GateInput = randomInput(request.seed),
): Problem {
  const decay = gates(request, input);
  if (decay === undefined) return problem;
  const one = `one a ${request.decay === "row" ? "row" : "row and channel"}`;
  const about = `${problem.about}; g = −A·softplus(a + dt) ${one}, as models initialise it`;
  return { ...problem, decay, about };
}
