/**
 * Tensors of a call as views that lie in larger memory: rows with gaps between them, from the last, as heads of packed
 * arrays, shared by several entries. What lies between their elements is poison, NaN and numbers in turn: a kernel that
 * reads past a row shows it, and one that writes there is found.
 */
import { newFloatArray, type Dtype, type FloatArray, type Layout, type Shape, type Tensor } from "@dlrt/core";
import type { Random } from "./random.js";
import { demand, type Scope } from "./trial.js";

/** One tensor of a call. */
export interface Part {
  readonly shape: Shape;
  /**
   * What the tensor holds before the call, or poison where this is absent. Where entries or rows share elements, the
   * elements hold the data of the last of them.
   */
  readonly data?: FloatArray | undefined;
  /** Whether the call writes the tensor. No two of its elements may then be the same. */
  readonly written?: boolean;
}

const anyStyles = ["apart", "padded", "reversed", "packed", "backwards"] as const;
const readStyles = [...anyStyles, "shared", "one row"] as const;
type Style = (typeof readStyles)[number];

/** Returns a divisor of `count` above 1 where there is one. */
function divisor(count: number, random: Random): number {
  const all = Array.from({ length: count }, (_, i) => i + 1).filter((d) => count % d === 0);
  return all.length > 1 ? random.pick(all.slice(1)) : 1;
}

/**
 * Returns where a tensor of this shape lies, from element 0 of its memory on, and how many elements of memory that
 * takes.
 */
function layoutOf(style: Style, [batch, rows, cols]: Shape, random: Random): [Layout, number] {
  const [gap, more, lead] = [random.integer(1, 3), random.integer(0, 5), random.integer(0, 3)];
  const one = { offset: lead, heads: 1, shared: 1, head: 0 };
  const apart = rows * cols + more;
  if (style === "apart") return [{ ...one, batch: apart, row: cols }, lead + batch * apart];
  if (style === "one row") {
    return [{ ...one, batch: cols + more, row: 0 }, lead + batch * (cols + more)];
  }
  if (style === "padded" || style === "reversed") {
    const row = cols + gap;
    const length = lead + batch * (rows * row + more);
    const padded = { ...one, batch: rows * row + more, row };
    if (style === "padded" || rows === 0) return [padded, length];
    return [{ ...padded, offset: lead + (rows - 1) * row, row: -row }, length];
  }
  const heads = divisor(batch, random);
  const shared = style === "shared" ? divisor(heads, random) : 1;
  const stored = heads / shared;
  const row = stored * cols + random.integer(0, 2);
  const packed = { offset: lead, heads, shared, batch: rows * row, head: cols, row };
  const length = lead + (batch / heads) * rows * row;
  if (style !== "backwards" || batch * rows === 0) return [packed, length];
  const offset = lead + (batch / heads - 1) * packed.batch + (stored - 1) * cols + (rows - 1) * row;
  return [{ ...packed, offset, batch: -packed.batch, head: -cols, row: -row }, length];
}

/** Calls back with every element: its place in memory, and its place in a contiguous copy. */
function eachElement(
  [batch, rows, cols]: Shape,
  layout: Layout,
  visit: (at: number, to: number) => void,
): void {
  let to = 0;
  for (let e = 0; e < batch; e++) {
    const head = Math.floor((e % layout.heads) / layout.shared);
    const start = layout.offset + Math.floor(e / layout.heads) * layout.batch + head * layout.head;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) visit(start + i * layout.row + j, to++);
    }
  }
}

const poison = (at: number): number => (at % 2 === 0 ? NaN : 1000 + (at % 97));

/** The memory in which some parts lie, before the call and after it. */
class Memory {
  readonly #data: FloatArray;
  readonly #base: Tensor;

  constructor(
    readonly scope: Scope,
    readonly parts: readonly (readonly [name: string, part: Part, layout: Layout])[],
    length: number,
    dtype: Dtype,
  ) {
    this.#data = newFloatArray(dtype, length).map((_, at) => poison(at));
    for (const [, { shape, data }, layout] of parts) {
      if (data) eachElement(shape, layout, (at, to) => (this.#data[at] = data[to]!));
    }
    this.#base = scope.put(this.#data, [1, 1, length]);
  }

  view(shape: Shape, layout: Layout): Tensor {
    return this.scope.own(this.scope.backend.view(this.#base, shape, layout));
  }

  /** Returns the elements of a part, row-major. */
  elements([, { shape }, layout]: (typeof this.parts)[number]): FloatArray {
    const all = this.#data.slice(0, 0);
    const found = new (all.constructor as Float64ArrayConstructor)(shape[0] * shape[1] * shape[2]);
    eachElement(shape, layout, (at, to) => (found[to] = this.#data[at]!));
    return found;
  }

  /**
   * Throws a ConformanceError unless the written parts hold what `want` names, and everything else holds what it did.
   */
  async verify(where: string, want: Readonly<Record<string, FloatArray>>): Promise<void> {
    const expected = this.#data.slice();
    for (const [name, { shape, written }, layout] of this.parts) {
      if (written) eachElement(shape, layout, (at, to) => (expected[at] = want[name]![to]!));
    }
    const got = await this.scope.read(this.#base);
    const at = expected.findIndex((value, index) => !Object.is(value, got[index]));
    demand(
      at < 0,
      `${where}: element ${at} of the memory around is ${got[at]}, ${expected[at]} by contiguous copies`,
    );
  }
}

/** The parts of a call as views. */
export interface Arrangement {
  readonly views: Readonly<Record<string, Tensor>>;
  /** What each part holds before the call, row-major, as a contiguous copy of it would. */
  readonly values: Readonly<Record<string, FloatArray>>;
  /** After the call, with what the same call on contiguous copies wrote. @throws ConformanceError */
  verify(where: string, want: Readonly<Record<string, FloatArray>>): Promise<void>;
}

/** @param together all in one memory; else each in its own */
export function arrange(
  scope: Scope,
  dtype: Dtype,
  parts: Readonly<Record<string, Part>>,
  [random, together]: readonly [Random, boolean],
): Arrangement {
  const memories: [Part, Layout, string][][] = [];
  const lengths: number[] = [];
  for (const [name, part] of Object.entries(parts)) {
    const [layout, length] = layoutOf(random.pick(part.written ? anyStyles : readStyles), part.shape, random);
    const from = together && lengths.length > 0 ? lengths.length - 1 : memories.push([]) - 1;
    const start = lengths[from] ?? 0;
    memories[from]!.push([part, { ...layout, offset: layout.offset + start }, name]);
    lengths[from] = start + length + random.integer(0, 3);
  }
  const views: Record<string, Tensor> = {};
  const values: Record<string, FloatArray> = {};
  const all = memories.map((held, index) => {
    const named = held.map(([part, layout, name]) => [name, part, layout] as const);
    const memory = new Memory(scope, named, lengths[index]!, dtype);
    for (const one of named) {
      views[one[0]] = memory.view(one[1].shape, one[2]);
      values[one[0]] = memory.elements(one);
    }
    return memory;
  });
  return {
    views,
    values,
    verify: async (where, want) => {
      for (const memory of all) await memory.verify(where, want);
    },
  };
}
