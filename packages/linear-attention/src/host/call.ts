import {
  elementCount,
  ShapeError,
  ValueError,
  type Backend,
  type FloatArray,
  type HostView,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { checkIsBackend, checkOptions, checkShape, describe, plainArray, Scope } from "@dlrt/core/backend";

/** A row-major array whose shape follows from the call's `shape`, or a view of an array with a shape of its own, [B, T, H·D]. */
export type HostArray<A extends FloatArray = FloatArray> = A | HostView;

/** The part of an input's description that tells its shape. */
export interface HostRole {
  readonly role: string;
  /** The columns of a head of a gate. */
  readonly width?: string;
  /** Whether the input has as many rows as the key, which may have several for each token. */
  readonly steps?: boolean;
}

const isView = (given: HostArray): given is HostView =>
  typeof given === "object" && given !== null && "data" in given && "shape" in given;

/** Returns [B, T] for arrays without a shape. @param name is that of such an array @throws ShapeError */
function checkSizes(shape: unknown, name: string): readonly [batch: number, tokens: number] {
  const sizes = Array.isArray(shape) && shape.length === 2 ? shape : [NaN, NaN];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new ShapeError("shape", `[B, T] for ${name}, which has no shape`, describe(shape));
  return sizes as [number, number];
}

/**
 * Returns a typed array as a view [batch, rows, columns], whose columns follow from its length; where there is no row, they are `without`.
 * @throws ShapeError, DtypeError
 */
function inRows(name: string, data: FloatArray, batch: number, rows: number, without: number): HostView {
  const count = batch * rows;
  if (count === 0 ? data.length > 0 : data.length % count !== 0)
    throw new ShapeError(name, `a multiple of ${count} rows, [${batch}, ${rows}]`, `${data.length} elements`);
  return { data, shape: [batch, rows, count === 0 ? without : data.length / count] };
}

/**
 * Returns every input with its shape.
 * @param heads are those of the options: where a key may have several rows for each token, their number follows from the query's columns
 * @throws ValueError, ShapeError, DtypeError
 */
export function viewsOf(
  roles: Readonly<Record<string, HostRole>>,
  inputs: Readonly<Record<string, HostArray | undefined>>,
  shape: unknown,
  heads: { readonly query: number; readonly key: number },
): Record<string, HostView> {
  if (typeof inputs !== "object" || inputs === null)
    throw new ValueError("inputs", Object.keys(roles).join(", "), describe(inputs));
  checkOptions("inputs", inputs, Object.keys(roles));
  const views: Record<string, HostView> = {};
  let steps: number | undefined;
  // In the order of the roles: the query, then the key, which tells how many rows the rest has.
  for (const [name, { role, width, steps: several }] of Object.entries(roles)) {
    const given = inputs[name];
    if (given === undefined) continue; // the layer refuses the call if it needs this input
    if (isView(given)) {
      checkShape(`${name}.shape`, given.shape);
      views[name] = given;
      if (several && role === "key") steps = given.shape[1];
      continue;
    }
    const data = plainArray(name, given);
    if (role === "parameter") {
      views[name] = { data, shape: [1, 1, data.length] };
      continue;
    }
    const [batch, tokens] = checkSizes(shape, name);
    if (several && role === "key") {
      const query = Object.entries(roles).find(([, { role: of }]) => of === "query")![0];
      const columns = ((views[query]?.shape[2] ?? 0) / heads.query) * heads.key;
      steps = batch * columns === 0 ? 0 : Math.floor(data.length / (batch * columns));
    }
    const least = role === "number" || width === "one" ? 1 : 0;
    views[name] = inRows(name, data, batch, several ? (steps ?? tokens) : tokens, least);
  }
  return views;
}

/** Returns a plain array as a view of this shape, whose elements it must have exactly, and a view as it is. @throws ShapeError, DtypeError */
export function viewAs(name: string, given: HostArray, shape: Shape): HostView {
  if (isView(given)) return given;
  const data = plainArray(name, given);
  checkLength(name, data, shape);
  return { data, shape };
}

/** @throws ShapeError */
export function checkLength(name: string, { length }: FloatArray, shape: Shape): void {
  if (length !== elementCount(shape))
    throw new ShapeError(
      name,
      `${elementCount(shape)} elements, [${shape.join(", ")}]`,
      `${length} elements`,
    );
}

/** @throws ValueError where two arrays share memory */
export function checkApart(output: FloatArray, name: string, other: FloatArray): void {
  const { buffer, byteOffset, byteLength } = other;
  const apart =
    buffer !== output.buffer ||
    byteOffset + byteLength <= output.byteOffset ||
    output.byteOffset + output.byteLength <= byteOffset;
  if (!apart) throw new ValueError("output", `memory that ${name} does not share`, "an overlap");
}

/**
 * Puts views on the backend, runs `body` on them, and reads what it made. All is disposed when the promise settles.
 * @throws (rejects with) what `upload`, `body` and `read` throw
 */
export async function withUploads<T extends Tensor>(
  backend: Backend<T>,
  views: Readonly<Record<string, HostView | undefined>>,
  body: (tensors: Record<string, T>) => Readonly<Record<string, T | undefined>>,
): Promise<Record<string, FloatArray>> {
  checkIsBackend(backend);
  const scope = new Scope(backend);
  try {
    const tensors: Record<string, T> = {};
    for (const [name, view] of Object.entries(views))
      if (view !== undefined) tensors[name] = scope.own(backend.upload(view));
    const made = Object.entries(body(tensors)).filter(
      (entry): entry is [string, T] => entry[1] !== undefined,
    );
    for (const [, t] of made) scope.own(t);
    // All settle before anything is disposed, one that rejects included.
    const read = await Promise.allSettled(made.map(([, t]) => backend.read(t)));
    const results = read.map((result, at) => {
      if (result.status === "rejected") throw result.reason;
      return [made[at]![0], result.value] as const;
    });
    return Object.fromEntries(results);
  } finally {
    scope.dispose();
  }
}
