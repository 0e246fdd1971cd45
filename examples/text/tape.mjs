// Values that remember how they came about, so that gradients go back the same way: all of a framework that this model needs.

/** A tensor of the backend, and once something came back, the gradient by it. */
export class Value {
  bar;
  /** @param tensor as an operation takes it */
  constructor(tensor) {
    this.tensor = tensor;
  }
}

/** What one pass through the model allocates, and the way back through it. */
export class Tape {
  #owned = new Set();
  #back = [];

  /** @param {boolean} gradients false: nothing is remembered, for a pass that has no way back */
  constructor(backend, { dtype = "f32", gradients = true } = {}) {
    this.backend = backend;
    this.dtype = dtype;
    this.gradients = gradients;
  }

  /** The tape disposes it. */
  own(tensor) {
    this.#owned.add(tensor);
    return tensor;
  }

  empty(shape) {
    return this.own(this.backend.empty(shape, this.dtype));
  }

  zeros(shape) {
    const tensor = this.empty(shape);
    tensor.data.fill(0);
    return tensor;
  }

  /** Every row of [batch, rows, cols] is one row of equal numbers, so it takes the memory of one. Only to be read. */
  repeated(number, [batch, rows, cols]) {
    const row = this.empty([1, 1, cols]);
    row.data.fill(number);
    const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 0 };
    return this.backend.view(row, [batch, rows, cols], layout);
  }

  /**
   * A result as a value.
   * @param {(bar) => void} back given the gradient by the result, gives those by what it came from
   */
  record(tensor, back) {
    const value = new Value(this.own(tensor));
    if (this.gradients) this.#back.push(() => value.bar && back(value.bar));
    return value;
  }

  /** Adds a contribution to a value's gradient. The tensor is the value's from now on: nobody else writes to it. */
  give(value, contribution) {
    this.own(contribution);
    if (value.bar === undefined) {
      value.bar = contribution;
      return;
    }
    const [sum, more] = [value.bar.data, contribution.data];
    for (let i = 0; i < more.length; i++) sum[i] += more[i];
    this.free(contribution);
  }

  free(tensor) {
    this.#owned.delete(tensor);
    tensor.dispose();
  }

  /** From the last operation to the first, once the gradient by the last value is given. */
  backward() {
    for (const back of this.#back.toReversed()) back();
    this.#back = [];
  }

  dispose() {
    for (const tensor of this.#owned) tensor.dispose();
    this.#owned.clear();
    this.#back = [];
  }
}
