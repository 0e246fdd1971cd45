/**
 * The conditions of the small pieces' gradients: how far rounding alone may move each element, in units of ε. It is the sum of the magnitudes
 * of the terms of its formula, in float64, so that a gradient which is a difference of large terms is measured by those and not by what is
 * left of them.
 */
import { sigmoid } from "../src/reference/scalars.js";

type Arrays = Readonly<Record<string, Float64Array>>;
type Sums = Record<string, Float64Array>;

const { abs, exp, log1p } = Math;
/** The derivative of the logistic function, σ(z) σ(−z). */
const steep = (z: number): number => sigmoid(z) * sigmoid(-z);
/** The terms of d silu/dz = σ(z) + z σ(z) σ(−z), in magnitude. */
const siluSlope = (z: number): number => sigmoid(z) + abs(z) * steep(z);
/** A bound of the magnitude of d²silu/dz² = σ(z) σ(−z) (2 + z − 2 z σ(z)). */
const siluBend = (z: number): number => steep(z) * (2 + abs(z));

/** The conditions of both gates' gradients. @param first is the name of the input that the model projects, [tokens, heads·width] */
export function gateTerms(first: string, lowerBound: number | undefined, arrays: Arrays, bars: Arrays): Sums {
  const [x, aLog, dtBias] = [arrays[first]!, arrays["aLog"]!, arrays["dtBias"]!];
  const width = dtBias.length / aLog.length;
  const sums = { x: x.map(() => 0), aLog: aLog.map(() => 0), dtBias: dtBias.map(() => 0) };
  x.forEach((value, at) => {
    const column = at % dtBias.length;
    const head = Math.floor(column / width);
    const [rate, z] = [exp(aLog[head]!), value + dtBias[column]!];
    const bar = abs(bars["output"]![at]!);
    // With a bound the argument of the logistic function is a product, whose own rounding moves it by ε times its size.
    const own =
      lowerBound === undefined
        ? bar * rate * sigmoid(z)
        : -bar * lowerBound * rate * steep(rate * z) * (1 + abs(rate * z));
    sums.x[at] = own;
    sums.dtBias[column]! += own;
    sums.aLog[head]! += lowerBound === undefined ? bar * rate * log1p(exp(z)) : own * abs(z);
  });
  return { [first]: sums.x, aLog: sums.aLog, dtBias: sums.dtBias };
}

/** The conditions of the gradient of β = scale · σ(b). */
export const betaTerms = (scale: number, { b }: Arrays, { output }: Arrays): Sums => ({
  b: b!.map((value, at) => abs(output![at]!) * scale * steep(value)),
});

/** The conditions of the gradients of x / √(Σx² / divisor + eps) ∘ w ∘ f(gate) of rows of `width` columns, where f = 1 without a gate. */
export function normTerms(
  { width, eps, divisor, activation }: NormForm,
  { x, gate, weight }: Arrays,
  { output }: Arrays,
): Sums {
  const value = (z: number): number => sigmoid(z) * (activation === "silu" ? abs(z) : 1);
  const sums: Sums = { x: x!.map(() => 0) };
  if (gate) sums["gate"] = gate.map(() => 0);
  if (weight) sums["weight"] = weight.map(() => 0);
  for (let from = 0; from < x!.length; from += width) {
    const row = x!.slice(from, from + width);
    const norm = Math.sqrt(row.reduce((sum, each) => sum + each * each, 0) / divisor + eps);
    const unit = row.map((each) => abs(each) / norm);
    const f = row.map((_, j) => (gate ? value(gate[from + j]!) : 1));
    const w = row.map((_, j) => abs(weight?.[j] ?? 1));
    const bar = row.map((_, j) => abs(output![from + j]!));
    const along = unit.reduce((sum, each, j) => sum + each * bar[j]! * w[j]! * f[j]!, 0) / divisor;
    unit.forEach((each, j) => {
      sums["x"]![from + j] = (bar[j]! * w[j]! * f[j]! + each * along) / norm;
      if (weight) sums["weight"]![j]! += bar[j]! * each * f[j]!;
      if (!gate) return;
      const z = gate[from + j]!;
      sums["gate"]![from + j] = bar[j]! * each * w[j]! * (activation === "silu" ? siluSlope(z) : steep(z));
    });
  }
  return sums;
}

interface NormForm {
  readonly width: number;
  readonly eps: number;
  /** What the sum of squares is divided by: 1 for the sum itself, `width` for the mean. */
  readonly divisor: number;
  readonly activation: "silu" | "sigmoid";
}

interface ConvForm {
  readonly batch: number;
  readonly tokens: number;
  readonly channels: number;
  readonly taps: number;
  readonly activation?: "none" | "silu" | undefined;
  readonly sequences?: Int32Array | undefined;
}

/** The conditions of the gradients of a causal convolution of arrays [N, T, C] with states [N, k − 1, C]. */
export function convTerms(
  { batch, tokens, channels: C, taps, activation, sequences }: ConvForm,
  { x, weight, bias, initialState }: Arrays,
  { output, finalState }: Arrays,
): Sums {
  const bounds = sequences ?? Int32Array.from({ length: batch + 1 }, (_, n) => n * tokens);
  const kept = taps - 1;
  const states = (bounds.length - 1) * kept * C;
  const sums = { x: x!.map(() => 0), weight: weight!.map(() => 0), bias: new Float64Array(C) };
  const first = new Float64Array(states);
  for (let n = 0; n + 1 < bounds.length; n++)
    for (let c = 0; c < C; c++) {
      const [from, to] = [bounds[n]!, bounds[n + 1]!];
      /** Says where row m lies, of the rows of the state followed by those of the tokens: whether in the array of states, and at which element. */
      const place = (m: number): readonly [state: boolean, at: number] =>
        m < kept ? [true, (n * kept + m) * C + c] : [false, (from + m - kept) * C + c];
      const input = (m: number): number => {
        const [state, at] = place(m);
        return state ? (initialState?.[at] ?? 0) : x![at]!;
      };
      const add = (m: number, terms: number): void => {
        const [state, at] = place(m);
        (state ? first : sums.x)[at]! += terms;
      };
      for (let t = 0; t < to - from; t++) {
        let [z, size] = [bias?.[c] ?? 0, abs(bias?.[c] ?? 0)];
        for (let j = 0; j < taps; j++) {
          const term = weight![c * taps + j]! * input(t + j);
          z += term;
          size += abs(term);
        }
        // The rounding of the sum moves the slope of the activation too.
        const slope = activation === "silu" ? siluSlope(z) + size * siluBend(z) : 1;
        const own = abs(output![(from + t) * C + c]!) * slope;
        sums.bias[c]! += own;
        for (let j = 0; j < taps; j++) {
          add(t + j, abs(weight![c * taps + j]!) * own);
          sums.weight[c * taps + j]! += abs(input(t + j)) * own;
        }
      }
      for (let m = 0; m < kept; m++) add(to - from + m, abs(finalState![(n * kept + m) * C + c]!));
    }
  return {
    x: sums.x,
    weight: sums.weight,
    ...(bias && { bias: sums.bias }),
    ...(initialState && { initialState: first }),
  };
}
