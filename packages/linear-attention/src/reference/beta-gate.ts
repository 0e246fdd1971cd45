import { sigmoid } from "./scalars.js";

/** β = scale · σ(b), number by number: Schlag, Irie and Schmidhuber, arXiv 2102.11174; with scale 2 Grazzi et al., arXiv 2411.12537. */
export function betaGate(b: Float64Array, scale = 1): Float64Array {
  return b.map((value) => scale * sigmoid(value));
}
