/**
 * The state of one head as a layer's definition changes it, in float64, with the way back: every step is written down, and undone
 * from the last to the first. This is the gradient that layers are judged by; nothing of it knows an operator.
 */
import { Mass } from "./mass.js";

/** Numbers, with the gradient that has been gathered for them. */
export interface Vector {
  readonly value: Float64Array;
  readonly gradient: Float64Array;
}

export const vector = (
  value: Float64Array,
  gradient: Float64Array = new Float64Array(value.length),
): Vector => ({
  value,
  gradient,
});

/** Stands for the gradient of what has none. */
export const NONE: Float64Array = new Float64Array(0);

/** Returns element i; a single column stands for all. */
const at = (x: Float64Array, i: number): number => x[x.length === 1 ? 0 : i]!;

export interface TapeOptions {
  /**
   * Draws the error of each read of the state, in units of the root of the sum of the squares of its terms. Default: no
   * error.
   */
  readonly noise?: (() => number) | undefined;
  /** Whether the steps are recorded for a backward pass. */
  readonly recorded: boolean;
}

export class Tape {
  readonly #back: (() => void)[] = [];
  readonly #state: Mass;
  /** The state as it is now, for the backward pass. Absent where nobody has asked for it since the state changed. */
  #snapshot: Mass | undefined;
  /** S̄, the gradient of the state after the last step that has not been undone yet. */
  #bar: Mass;
  /**
   * For each channel, the squares of the terms whose sum is the gradient of its decay: ⟨S, S̄⟩ at the end, and x ∘ x̄
   * of everything that read or wrote.
   */
  readonly #terms: Float64Array;

  /** @param state S, [K, V]; changed in place */
  constructor(
    state: Float64Array,
    readonly keyWidth: number,
    readonly valueWidth: number,
    readonly options: TapeOptions,
  ) {
    this.#state = new Mass(state, valueWidth, options.noise);
    this.#bar = this.#state;
    this.#terms = new Float64Array(keyWidth);
  }

  /**
   * Undoes all steps.
   *
   * @param gradient S̄ after the last step, which becomes that before the first
   */
  backward(gradient: Float64Array): void {
    this.#bar = new Mass(gradient, this.valueWidth, this.options.noise);
    const last = this.#state.values;
    gradient.forEach(
      (bar, place) => (this.#terms[Math.floor(place / this.valueWidth)]! += (bar * last[place]!) ** 2),
    );
    for (const step of this.#back.reverse()) step();
  }

  #record(step: () => void): void {
    if (this.options.recorded) this.#back.push(step);
  }

  #derived(value: Float64Array, back: (gradient: Float64Array) => void): Vector {
    if (!this.options.recorded) return { value, gradient: NONE };
    const result = vector(value);
    this.#back.push(() => back(result.gradient));
    return result;
  }

  #before(): Mass {
    return this.options.recorded ? (this.#snapshot ??= this.#state.copy()) : this.#state;
  }

  /** Adds S y to the gradient of x; its terms count for the decays before. */
  #gatherColumns(state: Mass, y: Float64Array, { value, gradient }: Vector): void {
    if (!this.options.noise) return state.readColumns(y, gradient);
    const own = new Float64Array(gradient.length);
    state.readColumns(y, own);
    own.forEach((one, i) => {
      gradient[i]! += one;
      this.#terms[i]! += (one * value[i]!) ** 2;
    });
  }

  /** Adds what rounding leaves in the gradient of a decay, which is a running sum of the terms. */
  #blurDecay(gradient: Float64Array): void {
    const { noise } = this.options;
    if (!noise) return;
    const all = this.#terms.reduce((sum, one) => sum + one, 0);
    gradient.forEach(
      (_, i) => (gradient[i]! += noise() * Math.sqrt(gradient.length === 1 ? all : this.#terms[i]!)),
    );
  }

  /** Computes S ← diag(e^g) S, where g is one number or one for each row. What is forgotten has no gradient, and neither has its gate. */
  decay({ value: g, gradient }: Vector): void {
    const before = this.#before();
    const factors = Float64Array.from({ length: this.keyWidth }, (_, i) => Math.exp(at(g, i)));
    this.#state.scale(factors);
    this.#snapshot = undefined;
    this.#record(() => {
      this.#bar.scale(factors);
      const bar = this.#bar.values;
      for (let i = 0, place = 0; i < this.keyWidth; i++)
        for (let j = 0; j < this.valueWidth; j++, place++)
          gradient[g.length === 1 ? 0 : i]! += before.values[place]! * bar[place]!;
      if (g[0] !== -Infinity) this.#blurDecay(gradient);
    });
  }

  /** Computes Sᵀ x. */
  read(x: Vector): Vector {
    const before = this.#before();
    const sum = new Float64Array(this.valueWidth);
    before.readRows(x.value, sum);
    return this.#derived(sum, (bar) => {
      this.#gatherColumns(before, bar, x);
      this.#bar.add(x.value, bar);
    });
  }

  /** Computes S ← S + k wᵀ. */
  add(k: Vector, w: Vector): void {
    this.#state.add(k.value, w.value);
    this.#snapshot = undefined;
    this.#record(() => {
      this.#gatherColumns(this.#bar, w.value, k);
      this.#bar.readRows(k.value, w.gradient);
    });
  }

  /** Computes x ∘ y, where a single column of y stands for all. */
  times(x: Vector, y: Vector): Vector {
    return this.#derived(
      x.value.map((value, i) => value * at(y.value, i)),
      (bar) => {
        for (let i = 0; i < bar.length; i++) {
          x.gradient[i]! += at(y.value, i) * bar[i]!;
          y.gradient[y.value.length === 1 ? 0 : i]! += x.value[i]! * bar[i]!;
        }
      },
    );
  }

  /** Computes x + α y. */
  plus(x: Vector, y: Vector, alpha = 1): Vector {
    return this.#derived(
      x.value.map((value, i) => value + alpha * y.value[i]!),
      (bar) => {
        for (let i = 0; i < bar.length; i++) {
          x.gradient[i]! += bar[i]!;
          y.gradient[i]! += alpha * bar[i]!;
        }
      },
    );
  }

  /** Computes α x. */
  scaled(x: Vector, alpha: number): Vector {
    return this.#derived(
      x.value.map((value) => alpha * value),
      (bar) => bar.forEach((one, i) => (x.gradient[i]! += alpha * one)),
    );
  }

  /** Computes y = x / √(Σx² + eps). Its gradient is x̄ = (ȳ − y (y·ȳ)) / √(Σx² + eps). */
  normalized(x: Vector, eps: number): Vector {
    const norm = Math.sqrt(x.value.reduce((sum, value) => sum + value * value, eps));
    const y = x.value.map((value) => value / norm);
    return this.#derived(y, (bar) => {
      const along = y.reduce((sum, value, i) => sum + value * bar[i]!, 0);
      bar.forEach((one, i) => (x.gradient[i]! += (one - y[i]! * along) / norm));
    });
  }
}
