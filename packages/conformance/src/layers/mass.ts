/** A state [K, V], with the sums of the squares of all terms that it consists of, which decay as they do. */
export class Mass {
  readonly squares: Float64Array;

  constructor(
    readonly values: Float64Array,
    readonly valueWidth: number,
    readonly noise: (() => number) | undefined,
  ) {
    this.squares = noise ? values.map((value) => value * value) : new Float64Array(0);
  }

  /** Adds k wᵀ. */
  add(k: Float64Array, w: Float64Array): void {
    for (let i = 0, place = 0; i < k.length; i++) {
      for (let j = 0; j < w.length; j++, place++) {
        const term = k[i]! * w[j]!;
        this.values[place]! += term;
        if (this.noise) this.squares[place]! += term * term;
      }
    }
  }

  /** Multiplies by diag(factors) from the left. What is forgotten becomes 0, whatever it was. */
  scale(factors: Float64Array): void {
    for (let i = 0, place = 0; i < factors.length; i++) {
      const factor = factors[i]!;
      for (let j = 0; j < this.valueWidth; j++, place++) {
        this.values[place] = factor === 0 ? 0 : factor * this.values[place]!;
        if (this.noise) this.squares[place]! *= factor * factor;
      }
    }
  }

  /** Adds Sᵀ x, of V columns, to `into`. */
  readRows(x: Float64Array, into: Float64Array): void {
    const terms = new Float64Array(into.length);
    for (let i = 0, place = 0; i < x.length; i++) {
      for (let j = 0; j < into.length; j++, place++) {
        into[j]! += x[i]! * this.values[place]!;
        if (this.noise) terms[j]! += x[i]! * x[i]! * this.squares[place]!;
      }
    }
    this.#blur(into, terms);
  }

  /** Adds S y, of K columns, to `into`. */
  readColumns(y: Float64Array, into: Float64Array): void {
    const terms = new Float64Array(into.length);
    for (let i = 0, place = 0; i < into.length; i++) {
      for (let j = 0; j < y.length; j++, place++) {
        into[i]! += y[j]! * this.values[place]!;
        if (this.noise) terms[i]! += y[j]! * y[j]! * this.squares[place]!;
      }
    }
    this.#blur(into, terms);
  }

  copy(): Mass {
    const copy = new Mass(this.values.slice(), this.valueWidth, this.noise);
    copy.squares.set(this.squares);
    return copy;
  }

  #blur(into: Float64Array, terms: Float64Array): void {
    if (this.noise) for (let i = 0; i < into.length; i++) into[i]! += this.noise() * Math.sqrt(terms[i]!);
  }
}
