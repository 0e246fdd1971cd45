import { contiguousLayout, firstElement, isContiguous, lastElement, overlap } from "@dlrt/core/backend";
import { elementCount } from "@dlrt/core";
import type { Fate } from "./fates.js";
import type { Placed } from "./kernels/placed.js";

const BYTES = 4;

/** A range of elements of a buffer, all of which lie within its bytes [from, to), with the work that they come from. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly fate: Fate;
  /**
   * The rows, where there are gaps between them, as between the heads of a packed array. Where it is absent, the
   * elements are all the bytes.
   */
  readonly rows?: Placed | undefined;
}

/**
 * Keeps, for the bytes of each buffer, the work that they depend on and that is not yet known to have gone well. It is
 * kept for buffers and not for tensors, because several tensors may be views of one buffer.
 */
export class Contents {
  readonly #spans = new WeakMap<GPUBuffer, readonly Span[]>();
  readonly #allocations = new WeakMap<GPUBuffer, Fate>();

  /** Enters a new buffer. The device may turn out not to have had the memory for it. */
  allocated(buffer: GPUBuffer, fate: Fate): void {
    this.#allocations.set(buffer, fate);
  }

  /** Returns the fate of a buffer's memory where it is still open or has failed. No write to the buffer heals that. */
  allocation(buffer: GPUBuffer): Fate | undefined {
    const fate = this.#allocations.get(buffer);
    if (!fate?.good) return fate;
    this.#allocations.delete(buffer);
    return undefined;
  }

  /** Returns what may still be, or is, wrong with the elements at `place`. */
  of(place: Placed): Fate[] {
    const fates: Fate[] = [];
    const spans = this.#spans.get(place.buffer);
    if (!spans) return fates;
    const own = spanOf(place);
    for (const span of spans) {
      if (!span.fate.good && meet(place.buffer, span, own)) fates.push(span.fate);
    }
    return fates;
  }

  /** Says that all elements at `place` now come from work with this fate, whatever they came from before. */
  written(place: Placed, fate: Fate): void {
    const own = spanOf(place);
    const spans: Span[] = [];
    for (const span of this.#open(place.buffer)) spans.push(...without(span, own));
    if (own.from < own.to) spans.push({ ...own, fate });
    this.#spans.set(place.buffer, spans);
  }

  /** Says that the elements at `place` depend on this fate too. */
  add(place: Placed, fate: Fate): void {
    const span = { ...spanOf(place), fate };
    if (span.from < span.to) this.#spans.set(place.buffer, [...this.#open(place.buffer), span]);
  }

  #open(buffer: GPUBuffer): readonly Span[] {
    return (this.#spans.get(buffer) ?? []).filter(({ fate }) => !fate.good);
  }
}

type Reach = Omit<Span, "fate">;

function spanOf(place: Placed): Reach {
  const { offset, shape, layout } = place;
  if (elementCount(shape) === 0) return { from: 0, to: 0 };
  const from = offset + BYTES * firstElement(shape, layout);
  const to = offset + BYTES * (lastElement(shape, layout) + 1);
  return isContiguous(place) ? { from, to } : { from, to, rows: place };
}

/** Tells whether some element is in both ranges. */
function meet(buffer: GPUBuffer, a: Reach, b: Reach): boolean {
  if (a.from >= b.to || b.from >= a.to) return false;
  // Most pairs can be decided here; the others may have to be compared row by row.
  if (!a.rows && (!b.rows || (a.from <= b.from && b.to <= a.to))) return true;
  if (!b.rows && b.from <= a.from && a.to <= b.to) return true;
  if (a.rows && b.rows && sameRows(a.rows, b.rows)) return true;
  return overlap(asTensor(buffer, a), asTensor(buffer, b));
}

function asTensor(storage: GPUBuffer, { from, to, rows }: Reach): Parameters<typeof overlap>[0] {
  const dtype = "f32";
  if (rows) return { storage, dtype, byteOffset: rows.offset, shape: rows.shape, layout: rows.layout };
  const shape = [1, 1, (to - from) / BYTES] as const;
  return { storage, dtype, byteOffset: from, shape, layout: contiguousLayout(shape) };
}

/**
 * Returns what is left of `span` once `own` has been written. A span of rows with gaps between them is removed as a
 * whole or not at all.
 */
function without(span: Span, own: Reach): Span[] {
  if (own.rows) return span.rows && sameRows(span.rows, own.rows) ? [] : [span];
  if (span.from >= own.to || own.from >= span.to) return [span];
  if (span.rows) return own.from <= span.from && span.to <= own.to ? [] : [span];
  const left: Span[] = [];
  if (span.from < own.from) left.push({ ...span, to: own.from });
  if (span.to > own.to) left.push({ ...span, from: own.to });
  return left;
}

function sameRows(a: Placed, b: Placed): boolean {
  const names = ["offset", "heads", "shared", "batch", "head", "row"] as const;
  return (
    a.offset === b.offset &&
    a.shape.every((size, axis) => size === b.shape[axis]) &&
    names.every((name) => a.layout[name] === b.layout[name])
  );
}
