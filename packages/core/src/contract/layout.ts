import { checkShape } from "./allocation.js";
import { MAX_ELEMENTS } from "./backend.js";
import { describe } from "./describe.js";
import { ShapeError, ValueError } from "./errors.js";
import { checkCount } from "./options.js";
import { elementCount, type Layout, type Shape, type Tensor } from "./tensor.js";

/** Row-major and without gaps: what `empty` and `upload` make. */
export function contiguousLayout([, rows, cols]: Shape): Layout {
  return { offset: 0, heads: 1, shared: 1, batch: rows * cols, head: 0, row: cols };
}

/** Whether the elements lie row-major and without gaps, `offset` aside. Sizes of 1 have no stride that matters. */
export function isContiguous({ shape, layout }: Pick<Tensor, "shape" | "layout">): boolean {
  const [batch, rows, cols] = [shape[0], shape[1], shape[2]]; // by index: a frozen array's iterator is slow
  const { heads, shared, head, row } = layout;
  if (batch * rows * cols === 0) return true;
  if (rows > 1 && row !== cols) return false;
  if (heads === 1) return batch === 1 || layout.batch === rows * cols;
  return shared === 1 && head === rows * cols && (batch === heads || layout.batch === heads * head);
}

/** Element where row 0 of batch entry `entry` starts, counted as `layout.offset` is. */
export function entryStart(layout: Layout, entry: number): number {
  const { offset, heads, shared, batch, head } = layout;
  const within = entry % heads;
  return offset + ((entry - within) / heads) * batch + Math.floor(within / shared) * head;
}

/** The least element that a tensor of this shape and layout has, counted as `layout.offset` is; it must have elements. */
export function firstElement(shape: Shape, layout: Layout): number {
  const { offset, heads } = layout;
  return (
    offset +
    Math.min(0, (shape[0] / heads - 1) * layout.batch) +
    Math.min(0, (heads / layout.shared - 1) * layout.head) +
    Math.min(0, (shape[1] - 1) * layout.row)
  );
}

/** The greatest such element. */
export function lastElement(shape: Shape, layout: Layout): number {
  const { offset, heads } = layout;
  return (
    offset +
    Math.max(0, (shape[0] / heads - 1) * layout.batch) +
    Math.max(0, (heads / layout.shared - 1) * layout.head) +
    Math.max(0, (shape[1] - 1) * layout.row) +
    (shape[2] - 1)
  );
}

/**
 * The layout of a view of `of`, whose offset counts from the first element of `of`, as a tensor's own.
 * @throws ShapeError, ValueError: not integers, heads that do not divide the batch, elements outside those of `of`, or more
 * than a tensor may have, as rows of stride 0 could
 */
export function viewLayout(of: Pick<Tensor, "shape" | "layout">, shape: Shape, layout: Layout): Layout {
  checkShape("shape", shape);
  if (elementCount(shape) > MAX_ELEMENTS) {
    throw new ShapeError("shape", `at most ${MAX_ELEMENTS} elements`, shape.join(" × "));
  }
  checkLayout("layout", shape, layout);
  const own = { ...layout, offset: of.layout.offset + layout.offset };
  if (elementCount(shape) === 0) return own;
  const first = firstElement(shape, own);
  const last = lastElement(shape, own);
  const empty = elementCount(of.shape) === 0;
  if (empty || first < firstElement(of.shape, of.layout) || last > lastElement(of.shape, of.layout)) {
    const start = of.layout.offset;
    const inside = empty
      ? "no elements, as the viewed tensor has none"
      : `elements ${firstElement(of.shape, of.layout) - start} to ${lastElement(of.shape, of.layout) - start} of the viewed tensor`;
    throw new ShapeError("layout", inside, `elements ${first - start} to ${last - start}`);
  }
  return own;
}

/** @throws ValueError, ShapeError unless integers, with heads that divide the batch and `shared` that divides the heads */
export function checkLayout(argument: string, [batch]: Shape, layout: Layout): void {
  if (typeof layout !== "object" || layout === null) {
    throw new ValueError(argument, "a Layout { offset, heads, shared, batch, head, row }", describe(layout));
  }
  for (const name of ["heads", "shared"] as const) checkCount(`${argument}.${name}`, layout[name]);
  for (const name of ["offset", "batch", "head", "row"] as const) {
    if (!Number.isSafeInteger(layout[name]))
      throw new ValueError(`${argument}.${name}`, "an integer", describe(layout[name]));
  }
  if (batch % layout.heads !== 0) {
    throw new ShapeError(`${argument}.heads`, `a divisor of the batch, ${batch}`, String(layout.heads));
  }
  if (layout.heads % layout.shared !== 0) {
    throw new ShapeError(`${argument}.shared`, `a divisor of heads, ${layout.heads}`, String(layout.shared));
  }
}
