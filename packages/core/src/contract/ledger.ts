import { DisposedError, ValueError } from "./errors.js";
import { contiguousLayout } from "./layout.js";
import { byteSize, type Dtype, type Layout, type Shape, type Tensor } from "./tensor.js";

/**
 * Counts the tensors that live on one backend. It refers to none of them, so that a forgotten tensor can still be
 * collected.
 */
export class Ledger {
  #tensors = 0;
  #bytes = 0;
  #closed = false;

  constructor(readonly name: string) {}

  /** True after `close`: every tensor of the backend then counts as disposed. */
  get closed(): boolean {
    return this.#closed;
  }

  memory(): { tensors: number; bytes: number } {
    return { tensors: this.#tensors, bytes: this.#bytes };
  }

  count(tensors: 1 | -1, bytes: number): void {
    if (this.#closed) return;
    this.#tensors += tensors;
    this.#bytes += tensors * bytes;
  }

  close(): void {
    this.#tensors = 0;
    this.#bytes = 0;
    this.#closed = true;
  }

  /** @throws DisposedError once closed */
  assertOpen(): void {
    if (this.#closed) throw new DisposedError(this.name);
  }
}

/** What sets a tensor apart from a contiguous one that owns its elements. */
export interface Placement {
  /** Default: contiguous, from element 0. */
  readonly layout?: Layout | undefined;
  /** Bytes that disposal frees. Default: those of its elements; 0 for memory of somebody else. */
  readonly ownedBytes?: number | undefined;
  /** The tensor that this one is a view of: it counts nothing, frees nothing, and is disposed with that one. */
  readonly of?: Tensor | undefined;
}

/**
 * Base class for a backend's tensors: counted while alive, released once. What it says of itself cannot be changed:
 * every check rests on it, and a kernel that believed a changed shape would reach past its memory.
 */
export abstract class OwnedTensor implements Tensor {
  abstract readonly storage: object;
  abstract readonly byteOffset: number;
  readonly #backend: object;
  readonly #layout: Layout;
  readonly #ledger: Ledger;
  readonly #shape: Shape;
  readonly #dtype: Dtype;
  readonly #ownedBytes: number;
  readonly #of: Tensor | undefined;
  #disposed = false;

  /** Creates the tensor. `shape` and the layout are copied. */
  constructor(
    backend: object,
    ledger: Ledger,
    shape: Shape,
    dtype: Dtype,
    { layout = contiguousLayout(shape), ownedBytes = byteSize(shape, dtype), of }: Placement = {},
  ) {
    this.#backend = backend;
    const { offset, heads, shared, batch, head, row } = layout;
    this.#layout = Object.freeze({ offset, heads, shared, batch, head, row });
    this.#ledger = ledger;
    this.#shape = Object.freeze([shape[0], shape[1], shape[2]] as const);
    this.#dtype = dtype;
    this.#ownedBytes = ownedBytes;
    this.#of = of;
    if (of === undefined) ledger.count(1, ownedBytes);
  }

  /** False of a proxy of a tensor, though it is an instance: it has none of the private fields. */
  static isItself(t: OwnedTensor): boolean {
    return #ledger in t;
  }

  get backend(): object {
    return this.#backend;
  }

  get shape(): Shape {
    return this.#shape;
  }

  get layout(): Layout {
    return this.#layout;
  }

  get dtype(): Dtype {
    return this.#dtype;
  }

  get disposed(): boolean {
    return this.#disposed || this.#ledger.closed || this.loss !== "" || (this.#of?.disposed ?? false);
  }

  /**
   * Says, for a DisposedError, what took the tensor's memory away without its dispose(). It is "" while nothing has.
   */
  get loss(): string {
    return "";
  }

  dispose(): void {
    if (!OwnedTensor.isItself(this)) throw proxied("tensor", "a tensor");
    if (this.#disposed || this.#ledger.closed) return;
    this.#disposed = true;
    if (this.#of !== undefined) return;
    this.#ledger.count(-1, this.#ownedBytes);
    this.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Frees the storage. Called at most once, never for a view, never after the backend was disposed. */
  protected abstract release(): void;
}

/** Makes the error for a proxy (Vue's `reactive`, MobX's `observable`) that came where the object itself is needed. */
export function proxied(argument: string, expected: string): ValueError {
  return new ValueError(
    argument,
    `${expected} itself`,
    "a proxy of it: unwrap it (in Vue: toRaw), or keep it out (markRaw)",
  );
}
