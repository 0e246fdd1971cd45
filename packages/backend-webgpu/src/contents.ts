import { byteSize } from "@dlrt/core";
import type { Fate } from "./fates.js";
import type { Placed } from "./kernels/context.js";

/** Bytes [from, to) of a buffer, and the work they come from. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly fate: Fate;
}

/**
 * What the bytes of each buffer depend on, as far as that is not known to have gone well. It goes by buffers, not by
 * tensors, since several tensors may wrap parts of one buffer.
 */
export class Contents {
  readonly #spans = new WeakMap<GPUBuffer, readonly Span[]>();
  readonly #allocations = new WeakMap<GPUBuffer, Fate>();

  /** A new buffer, which the device may not have had the memory for. */
  allocated(buffer: GPUBuffer, fate: Fate): void {
    this.#allocations.set(buffer, fate);
  }

  /** Of a buffer that may still turn out, or has turned out, to have no memory. No write heals that. */
  allocation(buffer: GPUBuffer): Fate | undefined {
    const fate = this.#allocations.get(buffer);
    if (!fate?.good) return fate;
    this.#allocations.delete(buffer);
    return undefined;
  }

  /** What may still be, or is, wrong with the elements at `place`. */
  of(place: Placed): Fate[] {
    const { from, to } = bytesOf(place);
    return this.#open(place.buffer)
      .filter((span) => span.from < to && from < span.to)
      .map(({ fate }) => fate);
  }

  /** All elements at `place` come from work with this fate, whatever they came from before. */
  written(place: Placed, fate: Fate): void {
    const { from, to } = bytesOf(place);
    const rest = this.#open(place.buffer).flatMap((span) => [
      { ...span, to: Math.min(span.to, from) },
      { ...span, from: Math.max(span.from, to) },
    ]);
    this.#set(place.buffer, [...rest, { from, to, fate }]);
  }

  /** The elements at `place` depend on this too. */
  add(place: Placed, fate: Fate): void {
    this.#set(place.buffer, [...this.#open(place.buffer), { ...bytesOf(place), fate }]);
  }

  #open(buffer: GPUBuffer): readonly Span[] {
    return (this.#spans.get(buffer) ?? []).filter(({ fate }) => !fate.good);
  }

  #set(buffer: GPUBuffer, spans: readonly Span[]): void {
    this.#spans.set(
      buffer,
      spans.filter(({ from, to }) => from < to),
    );
  }
}

function bytesOf({ offset, shape }: Placed): { from: number; to: number } {
  return { from: offset, to: offset + byteSize(shape, "f32") };
}
