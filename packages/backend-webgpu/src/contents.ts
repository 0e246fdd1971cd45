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
    const fates: Fate[] = [];
    const spans = this.#spans.get(place.buffer);
    if (!spans) return fates;
    const { from, to } = bytesOf(place);
    for (const span of spans) {
      if (span.from < to && from < span.to && !span.fate.good) fates.push(span.fate);
    }
    return fates;
  }

  /** All elements at `place` come from work with this fate, whatever they came from before. */
  written(place: Placed, fate: Fate): void {
    const { from, to } = bytesOf(place);
    const spans: Span[] = [];
    for (const span of this.#open(place.buffer)) {
      if (span.from < from) spans.push({ ...span, to: Math.min(span.to, from) });
      if (span.to > to) spans.push({ ...span, from: Math.max(span.from, to) });
    }
    if (from < to) spans.push({ from, to, fate });
    this.#spans.set(place.buffer, spans);
  }

  /** The elements at `place` depend on this too. */
  add(place: Placed, fate: Fate): void {
    const span = { ...bytesOf(place), fate };
    if (span.from < span.to) this.#spans.set(place.buffer, [...this.#open(place.buffer), span]);
  }

  #open(buffer: GPUBuffer): readonly Span[] {
    return (this.#spans.get(buffer) ?? []).filter(({ fate }) => !fate.good);
  }
}

function bytesOf({ offset, shape }: Placed): { from: number; to: number } {
  return { from: offset, to: offset + byteSize(shape, "f32") };
}
