import type { Tensor } from "@dlrt/core";
import { dot, placeIn, product, sum, sumHeads, sumTokens, takeFrom, type Place } from "./elementwise.js";
import { normalize, normalizeVjp } from "./normalize.js";
import { rowsOf, type Packed } from "./packed.js";
import type { Scope } from "./scope.js";

/** An array on the way from a layer's inputs to its output. */
export interface Value<T extends Tensor> extends Packed<T> {
  /** What has been gathered of its gradient; absent: nothing yet. */
  gradient?: Packed<T>;
  /** A constant, which needs none. */
  readonly constant: boolean;
  /** Where this is another value with its heads normalised, which nobody has computed unless somebody took `tensor`. */
  readonly normalized?: Normalized<T>;
}

export interface Normalized<T extends Tensor> {
  readonly of: Value<T>;
  readonly eps: number;
}

/** What `place` puts into a row of a token: an array, or one number in one column. */
export interface Part<T extends Tensor> {
  readonly value: Value<T> | number;
  readonly row: number;
  readonly column?: number;
  readonly alpha?: number;
}

/**
 * The steps that turn a layer's inputs into those of the engine, written down with the way back, so that a layer that
 * states its mapping has its gradient.
 */
export class Tape<T extends Tensor> {
  readonly #back: (() => void)[] = [];

  /** @param recording whether the way back is asked for */
  constructor(
    readonly scope: Scope<T>,
    readonly recording: boolean,
  ) {}

  value(packed: Packed<T>, constant = false): Value<T> {
    const { tensor, heads, width } = packed;
    return { tensor, heads, width, constant };
  }

  /** A result, and what to do with its gradient once that is whole. */
  derived(packed: Packed<T>, back: (gradient: Packed<T>) => void): Value<T> {
    return this.#recorded(this.value(packed), back);
  }

  #recorded(value: Value<T>, back: (gradient: Packed<T>) => void): Value<T> {
    if (this.recording)
      this.#back.push(() => {
        if (value.gradient) back(value.gradient);
      });
    return value;
  }

  /** Adds to the gradient of `value`. */
  gather(value: Value<T>, gradient: () => Packed<T>): void {
    if (value.constant) return;
    const more = gradient();
    value.gradient = value.gradient ? sum(this.scope, value.gradient, more) : more;
  }

  /** Takes the cotangent of `output` back to every value it came from. */
  backward(output: Value<T>, cotangent: Packed<T>): void {
    output.gradient = cotangent;
    for (const step of this.#back.reverse()) step();
  }

  /** x ∘ y; fewer heads are shared, one column stands for all. */
  product(x: Value<T>, y: Value<T>): Value<T> {
    const { scope } = this;
    return this.derived(product(scope, x, y), (gradient) => {
      for (const [of, other] of [
        [x, y],
        [y, x],
      ] as const) {
        const whole = (): Packed<T> =>
          of.width === gradient.width ? product(scope, gradient, other) : dot(scope, gradient, other);
        this.gather(of, () => sumHeads(scope, whole(), of.heads));
      }
    });
  }

  /** x + y, of equal heads and columns. */
  sum(x: Value<T>, y: Value<T>): Value<T> {
    return this.derived(sum(this.scope, x, y), (gradient) => {
      this.gather(x, () => gradient);
      this.gather(y, () => gradient);
    });
  }

  /** Every head of every token divided by √(Σx² + eps), computed when its `tensor` is first asked for: a fused kernel does not. */
  normalize(x: Value<T>, eps: number): Value<T> {
    const { scope } = this;
    let whole: T | undefined;
    const value: Value<T> = {
      heads: x.heads,
      width: x.width,
      constant: false,
      normalized: { of: x, eps },
      get tensor() {
        return (whole ??= normalize(scope, x, eps).tensor);
      },
    };
    return this.#recorded(value, (gradient) => this.gather(x, () => normalizeVjp(scope, x, eps, gradient)));
  }

  /** f(x), where f adds rows of zeros at most: of a normalised x, f is applied to what it was before, unless zeros would not stay. */
  beforeNormalizing(x: Value<T>, f: (x: Value<T>) => Value<T>): Value<T> {
    const { normalized } = x;
    return normalized && normalized.eps > 0 ? this.normalize(f(normalized.of), normalized.eps) : f(x);
  }

  /** A parameter [1, 1, H·D] seen by every token, without a copy. */
  repeat(x: Value<T>, batch: number, tokens: number): Value<T> {
    const { backend } = this.scope;
    const cols = x.heads * x.width;
    const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 0 };
    const tensor = backend.view(x.tensor, [batch, tokens, cols], layout);
    return this.derived({ ...x, tensor }, (gradient) =>
      this.gather(x, () => sumTokens(this.scope, gradient)),
    );
  }

  /** [B, T·rows, heads·width] of zeros, but for the parts, each with the heads or a divisor of them. */
  place(
    batch: number,
    tokens: number,
    [rows, heads, width]: readonly [rows: number, heads: number, width: number],
    parts: readonly Part<T>[],
  ): Value<T> {
    const { scope } = this;
    const piece = { batch, start: 0, rows: tokens, state: 0 };
    const out = { tensor: scope.full(0, [batch, tokens * rows, heads * width]), heads, width };
    const whereOf = ({ row, column = 0 }: Part<T>): Place => ({ row, rows, column });
    for (const part of parts) {
      const { value, alpha = 1 } = part;
      const columns = typeof value === "number" ? 1 : value.width;
      const from =
        typeof value === "number"
          ? scope.repeated(value, [batch * heads, tokens, 1])
          : rowsOf(scope.backend, value, piece, heads);
      scope.copy(from, placeIn(scope, out, whereOf(part), columns), { alpha });
    }
    return this.derived(out, (gradient) => {
      for (const part of parts) {
        const { value, alpha = 1 } = part;
        if (typeof value === "number") continue;
        this.gather(value, () => {
          const taken = takeFrom(scope, gradient, whereOf(part), value.width);
          return sumHeads(scope, alpha === 1 ? taken : this.#scaled(taken, alpha), value.heads);
        });
      }
    });
  }

  /** The row `row` of each token's `rows`. */
  take(x: Value<T>, row: number, rows: number): Value<T> {
    const { scope } = this;
    const place = { row, rows, column: 0 };
    return this.derived(takeFrom(scope, x, place, x.width), (gradient) =>
      this.gather(x, () => {
        const whole = { ...x, tensor: scope.full(0, x.tensor.shape) };
        const [batch, tokens] = gradient.tensor.shape;
        const piece = { batch, start: 0, rows: tokens, state: 0 };
        scope.copy(rowsOf(scope.backend, gradient, piece, x.heads), placeIn(scope, whole, place, x.width));
        return whole;
      }),
    );
  }

  #scaled(x: Packed<T>, alpha: number): Packed<T> {
    return { ...x, tensor: this.scope.copy(x.tensor, this.scope.empty(x.tensor.shape), { alpha }) };
  }
}
