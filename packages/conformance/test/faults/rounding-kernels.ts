/**
 * Computes `solve` and `apply` with every operation rounded to the tensors' dtype, chunk by chunk, as fast backends do:
 * sums are taken in short blocks, and the state remembers what its roundings took. Each of these cares can be left out,
 * which is a fault.
 */
import { newFloatArray, type FloatArray, type HostTensor } from "@dlrt/core";
import { type ApplyParams, type SolveParams } from "@dlrt/core/backend";

export interface Carelessness {
  /** Sums over the rank are taken in one chain instead of blocks of 16 terms. */
  readonly chainOverRank?: boolean;
  /** Sums over the rows of a chunk are taken in one chain instead of blocks of 8 terms. */
  readonly chainOverRows?: boolean;
  /** The state forgets what its roundings took. */
  readonly forgetful?: boolean;
  /** Rows per chunk. Default: 64. */
  readonly chunk?: number;
  /** What the roundings of the state took does not decay with the state. */
  readonly lostStays?: boolean;
  /** Factors of decay come from the difference of two sums of g that are rounded to the dtype. */
  readonly oneSum?: boolean;
}

type Params = ApplyParams<HostTensor> | SolveParams<HostTensor>;
type Round = (x: number) => number;

/** Sums term(m) for all m < count, in blocks of `cut` terms. */
function blockSum(round: Round, count: number, cut: number, term: (m: number) => number): number {
  let total = 0;
  for (let start = 0; start < count; start += cut) {
    let block = 0;
    for (let m = start; m < Math.min(start + cut, count); m++) block = round(block + term(m));
    total = round(total + block);
  }
  return total;
}

/** Computes one batch entry, row by row in the order visited. */
class Walk {
  readonly #z: FloatArray;
  readonly #lost: FloatArray;
  readonly #rankCut: number;
  readonly #rowCut: number;
  readonly #round: Round;
  #sums: Float64Array[] = [];

  constructor(
    readonly params: Params,
    readonly entry: number,
    readonly careless: Carelessness,
  ) {
    const { r, p, initialState, out } = params;
    this.#round = out.dtype === "f32" ? Math.fround : (x) => x;
    this.#z = newFloatArray(out.dtype, r * p);
    this.#lost = newFloatArray(out.dtype, r * p);
    if (initialState) this.#z.set(initialState.data.subarray(entry * r * p, (entry + 1) * r * p));
    this.#rankCut = careless.chainOverRank ? Infinity : 16;
    this.#rowCut = careless.chainOverRows ? Infinity : 8;
  }

  run(rhs: HostTensor, solving: boolean): void {
    const { n, r, p, trans, op, finalState } = this.params;
    const [f, g] = trans ? [op.k.data, op.q.data] : [op.q.data, op.k.data];
    const { chunk = 64 } = this.careless;
    const carried = newFloatArray(rhs.dtype, n * p);
    for (let start = 0; start < n; start += chunk) {
      const end = Math.min(start + chunk, n);
      this.#sumGaps(start, end);
      for (let step = start; step < end; step++) this.#row([f, g], rhs, carried, [start, step], solving);
      for (let at = 0; at < r * p; at++) this.#update(g, carried, at, [start, end]);
    }
    finalState?.data.set(this.#z, this.entry * r * p);
  }

  #at(step: number): number {
    const { n, trans } = this.params;
    return this.entry * n + (trans ? n - 1 - step : step);
  }

  /** Sums g over none to all of the chunk's rows, in the order visited. In float64 these sums are as good as exact beside float32. */
  #sumGaps(start: number, end: number): void {
    const { decay } = this.params.op;
    this.#sums = [];
    if (decay === undefined) return;
    const channels = decay.shape[2];
    const round = this.careless.oneSum ? this.#round : (x: number): number => x;
    let sum = new Float64Array(channels);
    this.#sums.push(sum);
    for (let step = start; step < end; step++) {
      const at = this.#at(step) * channels;
      sum = sum.map((value, m) => round(value + Math.max(decay.data[at + m]!, -128)));
      this.#sums.push(sum);
    }
  }

  /**
   * Returns the factor by which what row `from` of the chunk adds to the state has decayed when row `to` reads it. A
   * `from` of −1 is the state before the chunk, a `to` of ∞ that after it.
   */
  #factor(to: number, from: number, l: number): number {
    if (this.#sums.length === 0) return 1;
    const own = this.params.trans ? 0 : 1; // on the way forward, a row reads the state after its own gap
    const [end, start] = [
      this.#sums[Math.min(to + own, this.#sums.length - 1)]!,
      this.#sums[from < 0 ? 0 : from + own]!,
    ];
    const m = l % end.length;
    const exponent = end[m]! - start[m]!;
    return this.#round(Math.exp(this.careless.oneSum ? this.#round(exponent) : exponent));
  }

  /** Computes a row, y = λ x + (f Z + Σ (f·g_j) x_j over the chunk's rows before), or solves that for x. */
  #row(
    [f, g]: readonly [FloatArray, FloatArray],
    rhs: HostTensor,
    carried: FloatArray,
    [start, step]: readonly [number, number],
    solving: boolean,
  ): void {
    const round = this.#round;
    const { r, p, alpha, out } = this.params;
    const { diag } = this.params.op;
    const i = this.#at(step);
    const coupling = Array.from({ length: step - start }, (_, j) => {
      const other = this.#at(start + j) * r;
      return blockSum(round, r, this.#rankCut, (l) =>
        round(round(f[i * r + l]! * this.#factor(step - start, j, l)) * g[other + l]!),
      );
    });
    for (let j = 0; j < p; j++) {
      const before = blockSum(round, r, this.#rankCut, (l) =>
        round(round(f[i * r + l]! * this.#factor(step - start, -1, l)) * this.#z[l * p + j]!),
      );
      const own = blockSum(round, step - start, this.#rowCut, (m) =>
        round(coupling[m]! * carried[(start + m) * p + j]!),
      );
      const low = round(before + own);
      const value = rhs.data[i * p + j]!;
      const lambda = diag ? diag.data[i]! : 0;
      const y = solving ? round(round(value - low) / lambda) : round(round(lambda * value) + low);
      carried[step * p + j] = solving ? y : value;
      out.data[i * p + j] = alpha * y;
    }
  }

  /** Adds Σ g_j x_j over the chunk to an element of the state, by Kahan's summation. */
  #update(g: FloatArray, carried: FloatArray, at: number, [start, end]: readonly [number, number]): void {
    const round = this.#round;
    const { r, p } = this.params;
    const [l, j] = [Math.floor(at / p), at % p];
    const sum = blockSum(round, end - start, this.#rowCut, (m) =>
      round(
        round(g[this.#at(start + m) * r + l]! * this.#factor(Infinity, m, l)) * carried[(start + m) * p + j]!,
      ),
    );
    const factor = this.#factor(Infinity, -1, l);
    const power = factor < 2 ** -126 ? 0 : 2 ** Math.round(Math.log2(factor)); // a product with a power of 2 is exact
    const before = power * this.#z[at]!;
    const faded = round(sum + round((factor - power) * this.#z[at]!));
    const lost = this.careless.lostStays ? this.#lost[at]! : round(power * this.#lost[at]!);
    const term = this.careless.forgetful ? faded : round(faded - lost);
    const next = round(before + term);
    this.#lost[at] = round(round(next - before) - term);
    this.#z[at] = next;
  }
}

/** Returns the two kernels without the cares that are to be left out. */
export function roundingKernels(careless: Carelessness): {
  apply(params: ApplyParams<HostTensor>): void;
  solve(params: SolveParams<HostTensor>): void;
} {
  const each = (params: Params, rhs: HostTensor, solving: boolean): void => {
    for (let e = 0; e < params.batch; e++) new Walk(params, e, careless).run(rhs, solving);
  };
  return {
    apply: (params) => each(params, params.x, false),
    solve: (params) => each(params, params.b, true),
  };
}
