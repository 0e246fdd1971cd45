/**
 * How far rounding alone may move each element of a piece's gradients: the sum of the magnitudes of the terms of its formula, in float64. A
 * gradient that is a difference of large terms is measured by these, not by what is left of them.
 */
import { sigmoid } from "../src/reference/scalars.js";

type Arrays = Readonly<Record<string, Float64Array>>;
type Sums = Record<string, Float64Array>;

const { abs, exp, log1p } = Math;
/** The logistic function's derivative. */
const steep = (z: number): number => sigmoid(z) * sigmoid(-z);
/** d silu/dz = σ(z) + z σ(z) σ(−z), its terms. */
const siluSlope = (z: number): number => sigmoid(z) + abs(z) * steep(z);
/** What d²silu/dz² = σ(z) σ(−z) (2 + z − 2 z σ(z)) is at most. */
const siluBend = (z: number): number => steep(z) * (2 + abs(z));

/** Of both gates, x [tokens, heads·width] being called `first`. */
export function gateTerms(first: string, lowerBound: number | undefined, arrays: Arrays, bars: Arrays): Sums {
  const [x, aLog, dtBias] = [arrays[first]!, arrays["aLog"]!, arrays["dtBias"]!];
  const width = dtBias.length / aLog.length;
  const sums = { x: x.map(() => 0), aLog: aLog.map(() => 0), dtBias: dtBias.map(() => 0) };
  x.forEach((value, at) => {
    const column = at % dtBias.length;
    const head = Math.floor(column / width);
    const [rate, z] = [exp(aLog[head]!), value + dtBias[column]!];
    const bar = abs(bars["output"]![at]!);
    // With a bound the logistic's argument is a product, whose rounding moves it by ε of its size.
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

/** β = scale · σ(b) */
export const betaTerms = (scale: number, { b }: Arrays, { output }: Arrays): Sums => ({
  b: b!.map((value, at) => abs(output![at]!) * scale * steep(value)),
});

/** x / √(Σx² / divisor + eps) ∘ w ∘ f(gate) of rows of `width`, without f where there is no gate. */
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
  /** 1 for a sum of squares, `width` for their mean */
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

/** The causal convolution, [N, T, C] with states [N, k − 1, C]. */
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
      /** Where row m of the state's rows and then the tokens' is: in an array of states, or of tokens. */
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
        // The sum's own rounding moves the slope too.
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
