/** One call of a verb on plain arrays: what it puts on the backend, and the sizes that lengths tell. */
import type { Backend } from "./contract/backend.js";
import { Scope } from "./contract/scope.js";
import { checkShape } from "./contract/allocation.js";
import { checkIsBackend } from "./operations/check.js";
import { describe } from "./contract/describe.js";
import { ShapeError, ValueError } from "./contract/errors.js";
import type { DiagLowRankTril } from "./contract/operator.js";
import { plainArray } from "./contract/pack.js";
import { elementCount, type FloatArray, type Shape, type Tensor } from "./contract/tensor.js";

/** T = Λ + tril(Q Kᵀ, −1) as row-major arrays. */
export interface HostOperator {
  /** λ, batch·n elements. Absent: Λ = 0, for `apply`. */
  readonly diag?: FloatArray | undefined;
  /** batch·n·r elements */
  readonly q: FloatArray;
  /** batch·n·r elements */
  readonly k: FloatArray;
  /** g, batch·n elements (one a row) or batch·n·r (one a row and channel), each ≤ 0, natural logarithms. Absent: no decay. */
  readonly decay?: FloatArray | undefined;
  /** [batch, n, r] */
  readonly shape: Shape;
}

/**
 * p of a right-hand side [batch, n, p], from its length; where it has no rows, from the length of a state [batch, r, p].
 * @throws ShapeError unless whole
 */
export function columns(
  name: string,
  data: FloatArray,
  [batch, n, r]: Shape,
  ...states: (readonly [name: string, data: FloatArray | undefined])[]
): number {
  if (batch * n > 0) return share(name, data, batch * n, "batch·n");
  if (lengthOf(name, data) !== 0) throw new ShapeError(name, `no elements for batch·n = 0`, `${data.length}`);
  const given = states.find(([, state]) => state !== undefined);
  if (given === undefined || batch * r === 0) return 0;
  return share(given[0], given[1]!, batch * r, "batch·r");
}

function share(name: string, data: FloatArray, rows: number, what: string): number {
  const length = lengthOf(name, data);
  if (length % rows !== 0) {
    throw new ShapeError(name, `a multiple of ${what} = ${rows} elements`, `${length}`);
  }
  return length / rows;
}

const lengthOf = (name: string, data: FloatArray): number => plainArray(name, data).length;

/** @throws ValueError unless an object whose parts can be read, which a revoked proxy's cannot */
function partsOf(op: HostOperator): HostOperator {
  try {
    if (typeof op === "object") return { diag: op.diag, q: op.q, k: op.k, decay: op.decay, shape: op.shape };
  } catch {}
  throw new ValueError("op", "a HostOperator { diag, q, k, decay, shape }", describe(op));
}

/** [batch, n, 1] or [batch, n, r], as the length says. */
function decayShape(decay: FloatArray, batch: number, n: number, r: number): Shape {
  return [batch, n, lengthOf("decay", decay) === batch * n ? 1 : r];
}

/** @throws ValueError where some g is positive or NaN: on plain arrays the host can look */
function gaps(decay: FloatArray): FloatArray {
  const bad = plainArray("decay", decay).findIndex((g) => !(g <= 0));
  if (bad >= 0) throw new ValueError("decay", "g ≤ 0 everywhere", `${decay[bad]} at element ${bad}`);
  return decay;
}

/** One call's tensors, all disposed at its end. */
export class Call<T extends Tensor> extends Scope<T> {
  constructor(backend: Backend<T>) {
    checkIsBackend(backend);
    super(backend);
  }

  put(argument: string, given: FloatArray, shape: Shape): T {
    const data = plainArray(argument, given);
    const expected = elementCount(shape);
    if (data.length !== expected) {
      throw new ShapeError(
        argument,
        `${expected} elements, [${shape.join(", ")}]`,
        `${data.length} elements`,
      );
    }
    return this.own(this.backend.upload({ data, shape }));
  }

  operator(op: HostOperator): DiagLowRankTril<T> {
    const { shape, diag, decay, ...factors } = partsOf(op);
    checkShape("shape", shape);
    const [batch, n, r] = shape;
    const q = this.put("q", factors.q, shape);
    const k = this.put("k", factors.k, shape);
    return {
      q,
      k,
      ...(diag !== undefined && { diag: this.put("diag", diag, [batch, n, 1]) }),
      ...(decay !== undefined && { decay: this.put("decay", gaps(decay), decayShape(decay, batch, n, r)) }),
    };
  }

  /** The elements of tensors that an operation made. */
  async readAll<R>(tensors: object): Promise<R> {
    const entries = Object.entries(tensors) as [string, T][];
    for (const [, t] of entries) this.own(t);
    const read = entries.map(async ([key, t]) => [key, await this.backend.read(t)]);
    return Object.fromEntries(await Promise.all(read)) as R;
  }
}

export async function withCall<T extends Tensor, R>(
  backend: Backend<T>,
  body: (call: Call<T>) => Promise<R>,
): Promise<R> {
  const call = new Call(backend);
  try {
    return await body(call);
  } finally {
    call.dispose();
  }
}
