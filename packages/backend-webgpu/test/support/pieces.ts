/** What a small piece of a layer computes for one batch entry, in float64, and how far each element may be off. */
export interface Judged {
  readonly exact: number[];
  /** For each element, what an error of 1 in each operand and operation, relatively, would move it by: an error of ε moves it by ε times that. */
  readonly bound: number[];
}

type Rows = readonly (readonly number[])[];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const size = (values: readonly number[]): number => sum(values.map(Math.abs));

export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const logistic = (x: number): number =>
  x > 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
const slopeOf = (x: number): number => logistic(x) * logistic(-x);

const activations = {
  none: { value: (y: number) => y, slope: () => 1, slopeSize: () => 1 },
  silu: {
    value: (y: number) => y * logistic(y),
    slope: (y: number) => logistic(y) * (1 + y * logistic(-y)),
    slopeSize: (y: number) => logistic(y) * (1 + Math.abs(y) * logistic(-y)),
  },
  sigmoid: { value: logistic, slope: slopeOf, slopeSize: slopeOf },
} as const;
export type Activation = keyof typeof activations;

const judged = (pairs: readonly (readonly [exact: number, bound: number])[]): Judged => ({
  exact: pairs.map(([exact]) => exact),
  bound: pairs.map(([, bound]) => bound),
});

/** Computes g, the gradient of x, and that of a as a sum over each row. */
export function gateOf(
  x: Rows,
  a: number,
  bias: readonly number[],
  given: Rows,
  lower: number | undefined,
): { readonly g: Judged; readonly x: Judged; readonly a: Judged } {
  const e = Math.exp(a);
  const slope = (s: number): number => (lower === undefined ? -e * logistic(s) : lower * slopeOf(e * s) * e);
  const value = (s: number): number => (lower === undefined ? -e * softplus(s) : lower * logistic(e * s));
  const aSlope = (s: number): number => (lower === undefined ? value(s) : lower * slopeOf(e * s) * e * s);
  // Rounding exp(a) (x + bias) moves the argument of a logistic function by ε of its size.
  const moved = (s: number): number => 1 + (lower === undefined ? 0 : Math.abs(e * s));
  const each = <T>(of: (s: number, given: number) => T): T[] =>
    x.flatMap((row, i) => row.map((value, c) => of(value + bias[c]!, given[i]![c]!)));
  return {
    g: judged(each((s) => [value(s), Math.abs(value(s)) * moved(s)])),
    x: judged(each((s, bar) => [bar * slope(s), Math.abs(bar * slope(s)) * moved(s)])),
    a: judged(
      x.map((row, i) => {
        const at = row.map((value, c) => value + bias[c]!);
        const terms = at.map((s, c) => given[i]![c]! * aSlope(s));
        return [sum(terms), size(terms.map((term, c) => term * moved(at[c]!)))];
      }),
    ),
  };
}

export interface NormInputs {
  readonly x: Rows;
  /** The length that rows are given: 1, or the square root of the number of columns. */
  readonly size: number;
  readonly eps: number;
  readonly gate?: Rows | undefined;
  readonly weight?: readonly number[] | undefined;
  readonly activation: Activation;
}

/** Computes x / √(Σx² + size² eps) · size ∘ weight ∘ f(gate), and the gradients for a cotangent `given`. */
export function normOf(
  of: NormInputs,
  given: Rows,
): { readonly y: Judged; readonly x: Judged; readonly gate: Judged; readonly weight: Judged } {
  const f = activations[of.activation];
  const results = { y: [], x: [], gate: [], weight: [] } as Record<
    "y" | "x" | "gate" | "weight",
    [number, number][]
  >;
  of.x.forEach((row, i) => {
    const root = of.size * Math.sqrt(of.eps);
    const largest = Math.max(...row.map(Math.abs), root);
    const squares = sum([...row, root].map((x) => (x / largest) ** 2));
    const rho = of.size / (largest * Math.sqrt(squares));
    const unit = row.map((x) => x * rho);
    const weight = row.map((_, c) => of.weight?.[c] ?? 1);
    const z = row.map((_, c) => of.gate?.[i]![c]);
    const value = z.map((z) => (z === undefined ? 1 : f.value(z)));
    const back = row.map((_, c) => given[i]![c]! * weight[c]! * value[c]!);
    const mean = sum(back.map((b, c) => b * unit[c]!)) / of.size ** 2;
    const meanSize = size(back.map((b, c) => b * unit[c]!)) / of.size ** 2;
    row.forEach((_, c) => {
      const y = unit[c]! * weight[c]! * value[c]!;
      results.y.push([y, Math.abs(y) * (1 + Math.abs(z[c] ?? 0))]);
      results.x.push([
        rho * (back[c]! - unit[c]! * mean),
        rho *
          (Math.abs(back[c]!) + Math.abs(unit[c]!) * meanSize) *
          (1 + Math.max(...z.map((z) => Math.abs(z ?? 0)))),
      ]);
      const gain = given[i]![c]! * unit[c]!;
      const at = z[c] ?? 0;
      results.gate.push([
        gain * weight[c]! * f.slope(at),
        Math.abs(gain * weight[c]!) * f.slopeSize(at) * (1 + Math.abs(at)),
      ]);
      results.weight.push([gain * value[c]!, Math.abs(gain * value[c]!) * (1 + Math.abs(at))]);
    });
  });
  return {
    y: judged(results.y),
    x: judged(results.x),
    gate: judged(results.gate),
    weight: judged(results.weight),
  };
}

export interface ConvInputs {
  readonly x: Rows;
  readonly weight: Rows;
  readonly bias?: readonly number[] | undefined;
  readonly state?: Rows | undefined;
  readonly activation: "none" | "silu";
}

/** Computes the convolution and its final state, and all gradients for cotangents of both. */
export function convOf(
  of: ConvInputs,
  given: Rows,
  finalGiven: Rows | undefined,
): Readonly<Record<"y" | "final" | "x" | "state" | "weight" | "bias", Judged>> {
  const taps = of.weight.length;
  const cols = of.weight[0]!.length;
  const f = activations[of.activation];
  const before = of.state ?? Array.from({ length: taps - 1 }, () => Array.from({ length: cols }, () => 0));
  const all = [...before, ...of.x];
  const n = of.x.length;
  const terms = (t: number, c: number): number[] => [
    of.bias?.[c] ?? 0,
    ...of.weight.map((row, j) => row[c]! * all[t + j]![c]!),
  ];
  const grid = (rows: number, at: (row: number, c: number) => [number, number]): Judged =>
    judged(Array.from({ length: rows * cols }, (_, index) => at(Math.floor(index / cols), index % cols)));
  const silu = of.activation === "silu";
  // Returns the cotangent of the sums, and its bound, in which rounding the sums counts too.
  const back = (t: number, c: number): [number, number] => {
    const y = sum(terms(t, c));
    const bar = given[t]![c]! * f.slope(y);
    const moved = silu ? size(terms(t, c)) : 0;
    return [bar, Math.abs(given[t]![c]!) * (f.slopeSize(y) + moved * Math.min(1, f.slopeSize(y)))];
  };
  const inputs = (m: number, c: number): [number, number] => {
    const parts: [number, number][] = of.weight.flatMap((row, j): [number, number][] => {
      const t = m - j;
      if (t < 0 || t >= n) return [];
      const [bar, bound] = back(t, c);
      return [[row[c]! * bar, Math.abs(row[c]!) * bound]];
    });
    if (m >= n && finalGiven) parts.push([finalGiven[m - n]![c]!, Math.abs(finalGiven[m - n]![c]!)]);
    return [sum(parts.map(([value]) => value)), sum(parts.map(([, bound]) => bound))];
  };
  const tokens = Array.from({ length: n }, (_, t) => t);
  return {
    y: grid(n, (t, c) => {
      const y = sum(terms(t, c));
      return [f.value(y), size(terms(t, c)) * (silu ? f.slopeSize(y) : 1) + Math.abs(f.value(y))];
    }),
    final: grid(taps - 1, (row, c) => [all[n + row]![c]!, 0]),
    x: grid(n, (t, c) => inputs(t + taps - 1, c)),
    state: grid(taps - 1, inputs),
    weight: grid(taps, (j, c) => [
      sum(tokens.map((t) => back(t, c)[0] * all[t + j]![c]!)),
      sum(tokens.map((t) => back(t, c)[1] * Math.abs(all[t + j]![c]!))),
    ]),
    bias: grid(1, (_, c) => [sum(tokens.map((t) => back(t, c)[0])), sum(tokens.map((t) => back(t, c)[1]))]),
  };
}
