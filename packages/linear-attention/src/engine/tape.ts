import type { Tensor } from "@dlrt/core";
import { dot, placeIn, product, sum, sumHeads, sumTokens, takeFrom, type Place } from "./elementwise.js";
import { normalize, normalizeVjp } from "./normalize.js";
import { rowsOf, type Packed } from "./packed.js";
import type { Scope } from "./scope.js";

/** An array on the way from a layer's inputs to its output. */
export interface Value<T extends Tensor> extends Packed<T> {
  /** The sum of what has been gathered of its gradient so far. Absent where nothing has. */
  gradient?: Packed<T>;
  /** Whether it is a constant, of which no gradient is wanted. */
  readonly constant: boolean;
  /** What it was before its heads were normalised, where they were. It is then computed only when `tensor` is first read. */
  readonly normalized?: Normalized<T>;
}

/** The value that was normalised, and what was added to its squares. */
export interface Normalized<T extends Tensor> {
  readonly of: Value<T>;
  readonly eps: number;
}

/** What `place` puts into a row of every token. */
export interface Part<T extends Tensor> {
  /** An array [B, T, heads·D] or, in one column, a number. */
  readonly value: Value<T> | number;
  /** The row among the token's rows. */
  readonly row: number;
  /** The first column of every head. Default 0. */
  readonly column?: number;
  /** A factor. Default 1. */
  readonly alpha?: number;
}

/**
 * Records the steps by which a layer's mapping turns its inputs into the engine's rows, each with its way back, so that a layer which
 * states its mapping has its gradients.
 */
export class Tape<T extends Tensor> {
  readonly #back: (() => void)[] = [];

  /** @param recording tells whether gradients are asked for; if not, nothing is recorded */
  constructor(
    readonly scope: Scope<T>,
    readonly recording: boolean,
  ) {}

  /** Makes a value that no step has made: an input, or a constant. */
  value(packed: Packed<T>, constant = false): Value<T> {
    const { tensor, heads, width } = packed;
    return { tensor, heads, width, constant };
  }

  /** Makes the value of a step. @param back is called with its gradient, once that is whole, unless nothing came back */
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

  /** Adds to the gradient of `value`. @param gradient computes what is added, and is not called for a constant */
  gather(value: Value<T>, gradient: () => Packed<T>): void {
    if (value.constant) return;
    const more = gradient();
    value.gradient = value.gradient ? sum(this.scope, value.gradient, more) : more;
  }

  /** Takes the cotangent of `output` back through all steps, so that every value has its gradient. */
  backward(output: Value<T>, cotangent: Packed<T>): void {
    output.gradient = cotangent;
    for (const step of this.#back.reverse()) step();
  }

  /** Computes x ∘ y. Fewer heads are shared by neighbours, and one column stands for all. */
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

  /** Computes x + y, of equal heads and columns. */
  sum(x: Value<T>, y: Value<T>): Value<T> {
    return this.derived(sum(this.scope, x, y), (gradient) => {
      this.gather(x, () => gradient);
      this.gather(y, () => gradient);
    });
  }

  /** Divides every head of every token by √(Σx² + eps), when `tensor` is first read: a fused kernel normalises by itself and reads none. */
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

  /**
   * Computes f(x), for an f that moves rows and adds rows of zeros at most. Of a normalised x, f is applied to what x was before and the
   * result is normalised, so that a fused kernel can still do that by itself. With eps = 0 rows of zeros would not stay zeros.
   */
  beforeNormalizing(x: Value<T>, f: (x: Value<T>) => Value<T>): Value<T> {
    const { normalized } = x;
    return normalized && normalized.eps > 0 ? this.normalize(f(normalized.of), normalized.eps) : f(x);
  }

  /** Repeats a parameter [1, 1, H·D] as a row for every token, [B, T, H·D], without a copy. */
  repeat(x: Value<T>, batch: number, tokens: number): Value<T> {
    const { backend } = this.scope;
    const cols = x.heads * x.width;
    const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 0 };
    const tensor = backend.view(x.tensor, [batch, tokens, cols], layout);
    return this.derived({ ...x, tensor }, (gradient) =>
      this.gather(x, () => sumTokens(this.scope, gradient)),
    );
  }

  /** Makes an array [B, T·rows, heads·width] of the parts and of zeros elsewhere. Parts have `heads` heads or a divisor of them. */
  place(
    batch: number,
    tokens: number,
    [rows, heads, width]: readonly [rows: number, heads: number, width: number],
    parts: readonly Part<T>[],
  ): Value<T> {
    const { scope } = this;
    const span = { batch, start: 0, rows: tokens, state: 0 };
    const out = { tensor: scope.full(0, [batch, tokens * rows, heads * width]), heads, width };
    const whereOf = ({ row, column = 0 }: Part<T>): Place => ({ row, rows, column });
    for (const part of parts) {
      const { value, alpha = 1 } = part;
      const columns = typeof value === "number" ? 1 : value.width;
      const from =
        typeof value === "number"
          ? scope.repeated(value, [batch * heads, tokens, 1])
          : rowsOf(scope.backend, value, span, heads);
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

  /** Copies the row `row` of the `rows` rows of every token: [B, T, H·D]. */
  take(x: Value<T>, row: number, rows: number): Value<T> {
    const { scope } = this;
    const place = { row, rows, column: 0 };
    return this.derived(takeFrom(scope, x, place, x.width), (gradient) =>
      this.gather(x, () => {
        const whole = { ...x, tensor: scope.full(0, x.tensor.shape) };
        const [batch, tokens] = gradient.tensor.shape;
        const span = { batch, start: 0, rows: tokens, state: 0 };
        scope.copy(rowsOf(scope.backend, gradient, span, x.heads), placeIn(scope, whole, place, x.width));
        return whole;
      }),
    );
  }

  #scaled(x: Packed<T>, alpha: number): Packed<T> {
    return { ...x, tensor: this.scope.copy(x.tensor, this.scope.empty(x.tensor.shape), { alpha }) };
  }
}
