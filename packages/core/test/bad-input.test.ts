import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  apply,
  applyVjp,
  DisposedError,
  DtypeError,
  inverse,
  LimitError,
  logAbsDet,
  materialize,
  ShapeError,
  solve,
  solveVjp,
  trilInverse,
  UnsupportedError,
  ValueError,
  inverseVjp,
  type DlrtError,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { SpyBackend } from "./spy-backend.js";

const [batch, n, r, p] = [2, 3, 2, 4];
let backend: SpyBackend;
let op: { diag: HostTensor; q: HostTensor; k: HostTensor };
let b: HostTensor;
let z: HostTensor;
let made = 0;

beforeEach(() => {
  made = 0;
  backend = new SpyBackend();
  op = { diag: make([batch, n, 1]), q: make([batch, n, r]), k: make([batch, n, r]) };
  b = make([batch, n, p]);
  z = make([batch, r, p]);
});
afterEach(() => backend.dispose());

function make(shape: Shape, dtype: "f32" | "f64" = "f32"): HostTensor {
  made++;
  return backend.empty(shape, dtype);
}

/** Tensors that live but were not made by the test itself. */
const strays = (): number => (backend.disposed ? 0 : backend.memory().tensors - made);

type ErrorClass = abstract new (...a: never[]) => DlrtError;

/** The call throws that error, naming the argument, and neither ran a kernel nor left a tensor. */
function refuses(call: () => unknown, error: ErrorClass, argument: string): void {
  const before = strays();
  let thrown: unknown;
  try {
    call();
  } catch (e) {
    thrown = e;
  }
  expect(thrown).toBeInstanceOf(error);
  expect((thrown as Error).message).toMatch(new RegExp(`^${argument}\\b.*: expected .*, got `));
  expect(backend.calls).toEqual([]);
  expect(strays()).toBe(before);
}

const any = (value: unknown): never => value as never;

describe("operators", () => {
  test("shapes that do not fit", () => {
    refuses(() => solve(backend, { ...op, k: make([batch, n, r + 1]) }, b), ShapeError, "k");
    refuses(() => solve(backend, { ...op, diag: make([batch, n, 2]) }, b), ShapeError, "diag");
    refuses(() => solve(backend, op, make([batch, n + 1, p])), ShapeError, "b");
    refuses(() => apply(backend, op, make([1, n, p])), ShapeError, "x");
    refuses(() => inverse(backend, { ...op, diag: make([1, n, 1]) }), ShapeError, "diag");
    refuses(() => materialize(backend, { ...op, k: make([batch, n + 1, r]) }), ShapeError, "k");
  });

  test("dtypes that differ", () => {
    refuses(() => solve(backend, { ...op, k: make([batch, n, r], "f64") }, b), DtypeError, "k");
    refuses(() => solve(backend, op, make([batch, n, p], "f64")), DtypeError, "b");
    refuses(
      () => solve(backend, op, b, { initialState: make([batch, r, p], "f64") }),
      DtypeError,
      "initialState",
    );
  });

  test("no Λ where it is needed", () => {
    const { q, k } = op;
    refuses(() => solve(backend, { q, k }, b), ValueError, "diag");
    refuses(() => inverse(backend, { q, k }), ValueError, "diag");
    refuses(() => solveVjp(backend, { q, k }, b, b), ValueError, "diag");
  });

  test("things that are no tensors, no operators, no backends", () => {
    refuses(() => solve(backend, { ...op, q: any(new Float32Array(12)) }, b), ValueError, "q");
    refuses(() => solve(backend, any(null), b), ValueError, "op");
    refuses(() => solve(backend, op, any(undefined)), ValueError, "b");
    refuses(() => solve(any({}), op, b), ValueError, "backend");
  });

  test("tensors of another backend, disposed tensors, a disposed backend", async () => {
    const other = new SpyBackend({}, "other");
    refuses(() => solve(backend, op, other.empty([batch, n, p])), ValueError, "b");
    refuses(() => apply(backend, op, b, { out: other.empty([batch, n, p]) }), ValueError, "out");
    b.dispose();
    made--;
    refuses(() => solve(backend, op, b), DisposedError, "b");
    await backend.dispose();
    refuses(() => apply(backend, op, b), DisposedError, "backend");
    refuses(() => backend.empty([1, 1, 1]), DisposedError, "spy");
  });

  test("a kernel the backend lacks", () => {
    const lacking = new SpyBackend({}, "lacking", { missing: ["inverse"] });
    expect(() => inverse(lacking, any(op))).toThrow(UnsupportedError);
  });
});

describe("options", () => {
  test("values out of range", () => {
    for (const chunk of [0, -1, 1.5, Number.NaN, "8"]) {
      refuses(() => solve(backend, op, b, { chunk: any(chunk) }), ValueError, "chunk");
      refuses(() => inverse(backend, op, { chunk: any(chunk) }), ValueError, "chunk");
    }
    for (const alpha of [Number.NaN, Infinity, 1e39, "1", null]) {
      refuses(() => apply(backend, op, b, { alpha: any(alpha) }), ValueError, "alpha");
    }
    refuses(() => solve(backend, op, b, { trans: any("T") }), ValueError, "trans");
    refuses(() => solve(backend, op, b, { check: any(1) }), ValueError, "check");
    refuses(() => solveVjp(backend, op, b, b, { alpha: 0 }), ValueError, "alpha");
  });

  test("states of the wrong shape", () => {
    refuses(() => solve(backend, op, b, { initialState: make([batch, p, r]) }), ShapeError, "initialState");
    refuses(() => apply(backend, op, b, { finalState: make([batch, n, p]) }), ShapeError, "finalState");
    refuses(() => solveVjp(backend, op, b, b, { initialState: make([1, r, p]) }), ShapeError, "initialState");
    refuses(
      () => applyVjp(backend, op, b, b, { finalStateCotangent: make([1, r, p]) }),
      ShapeError,
      "finalStateCotangent",
    );
  });

  test("outputs that overlap inputs", () => {
    refuses(() => apply(backend, op, b, { out: b }), ValueError, "out");
    const square = { ...op, q: make([batch, n, p]), k: make([batch, n, p]) };
    refuses(() => solve(backend, square, b, { out: square.q }), ValueError, "out");
    refuses(() => solve(backend, square, b, { out: square.k }), ValueError, "out");
    const big = { diag: make([batch, n, 1]), q: make([batch, n, n]), k: make([batch, n, n]) };
    const rhs = make([batch, n, p]);
    const state = make([batch, n, p]);
    refuses(() => solve(backend, big, rhs, { initialState: state, out: state }), ValueError, "out");
    refuses(() => apply(backend, big, rhs, { finalState: state, out: state }), ValueError, "out");
    refuses(() => solve(backend, big, rhs, { finalState: rhs }), ValueError, "finalState");
    refuses(() => inverse(backend, big, { out: big.q }), ValueError, "out");
    const a = make([batch, 2, 2]);
    refuses(() => trilInverse(backend, a, { out: a }), ValueError, "out");
  });

  test("what may be the same tensor", () => {
    solve(backend, op, b, { out: b, initialState: z, finalState: z });
    apply(backend, op, b, { initialState: z, finalState: z }).dispose();
    expect(backend.calls).toEqual(["solve", "apply"]);
  });

  test("blocks that are no blocks", () => {
    refuses(() => trilInverse(backend, make([1, 3, 4])), ShapeError, "a");
    refuses(() => trilInverse(backend, make([1, 129, 129])), ShapeError, "a");
  });

  test("cotangents of the wrong shape", () => {
    refuses(() => solveVjp(backend, op, b, make([batch, n, p + 1])), ShapeError, "cotangent");
    refuses(() => applyVjp(backend, op, b, make([batch, n, p], "f64")), DtypeError, "cotangent");
    refuses(() => inverseVjp(backend, op, b, b), ShapeError, "y");
  });
});

describe("uploads", () => {
  const data = new Float32Array(24);
  const shape: Shape = [2, 3, 4];

  test("shapes, strides and offsets that are none", () => {
    for (const bad of [[2, 3], [2, 3, -4], [2, 3, 1.5], [2, 3, Number.NaN], "234", null]) {
      refuses(() => backend.upload({ data, shape: any(bad) }), ShapeError, "view.shape");
      refuses(() => backend.empty(any(bad)), ShapeError, "tensor.shape");
    }
    refuses(() => backend.upload({ data, shape, strides: any([12, 4]) }), ShapeError, "view.strides");
    refuses(() => backend.upload({ data, shape, strides: [12, 4, 0.5] }), ShapeError, "view.strides");
    refuses(() => backend.upload({ data, shape, offset: -1 }), ShapeError, "view.offset");
    refuses(() => backend.upload(any(null)), ValueError, "view");
  });

  test("views that reach past their buffer", () => {
    refuses(() => backend.upload({ data, shape: [2, 3, 5] }), ShapeError, "view.data");
    refuses(() => backend.upload({ data, shape, offset: 1 }), ShapeError, "view.data");
    refuses(() => backend.upload({ data, shape, strides: [12, 4, -1] }), ShapeError, "view.data");
    refuses(() => backend.upload({ data, shape, strides: [12, 5, 1] }), ShapeError, "view.data");
    const detached = new Float32Array(24);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    refuses(() => backend.upload({ data: detached, shape }), ShapeError, "view.data");
  });

  test("arrays that are none, or of the wrong kind", () => {
    for (const bad of [[1, 2, 3], new Int32Array(24), new DataView(new ArrayBuffer(96)), undefined]) {
      refuses(() => backend.upload({ data: any(bad), shape }), DtypeError, "view.data");
    }
    refuses(() => backend.empty(shape, any("f16")), UnsupportedError, "tensor.dtype");
    const single = new SpyBackend({}, "single", { dtypes: ["f32"] });
    expect(() => single.upload({ data: new Float64Array(24), shape })).toThrow(UnsupportedError);
  });

  test("more than the backend holds: LimitError with the bytes, before anything is allocated", () => {
    refuses(() => backend.empty([1, 65536, 65536]), LimitError, "tensor.shape");
    refuses(() => backend.empty([2 ** 20, 2 ** 20, 2 ** 20], "f64"), LimitError, "tensor.shape");
    refuses(
      () => backend.upload({ data, shape: [1, 2 ** 31, 1], strides: [0, 0, 0] }),
      LimitError,
      "view.shape",
    );
    expect(() => backend.empty([1, 65536, 65536])).toThrow(/got 17179869184 bytes/);
    refuses(() => inverse(backend, operatorOf(65536)), LimitError, "tensor.shape");
  });

  test("arrays of another realm and over shared memory are taken", () => {
    const foreign = runInNewContext("new Float32Array([1, 2, 3, 4])") as Float32Array;
    expect(foreign instanceof Float32Array).toBe(false);
    expect([...backend.upload({ data: foreign, shape: [1, 2, 2] }).data]).toEqual([1, 2, 3, 4]);
    const shared = new Float64Array(new SharedArrayBuffer(32)).fill(7);
    expect([...backend.upload({ data: shared, shape: [1, 4, 1] }).data]).toEqual([7, 7, 7, 7]);
  });

  test("strided, reversed, offset and broadcast views are packed", () => {
    const source = Float32Array.from({ length: 24 }, (_, i) => i);
    const read = (strides: [number, number, number], offset: number, as: Shape): number[] => [
      ...backend.upload({ data: source, shape: as, strides, offset }).data,
    ];
    expect(read([12, 1, 4], 0, [1, 4, 3])).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
    expect(read([-12, -4, -1], 23, [2, 1, 2])).toEqual([23, 22, 11, 10]);
    expect(read([0, 0, 1], 5, [2, 2, 2])).toEqual([5, 6, 5, 6, 5, 6, 5, 6]);
    expect(read([99, 99, 1], 22, [1, 1, 2])).toEqual([22, 23]);
    expect(read([12, 1, 7], 1, [2, 3, 1])).toEqual([1, 2, 3, 13, 14, 15]);
    expect(read([0, 0, 0], 1e9, [0, 5, 5])).toEqual([]);
  });

  function operatorOf(size: number): { diag: HostTensor; q: HostTensor; k: HostTensor } {
    return { diag: make([1, size, 1]), q: make([1, size, 1]), k: make([1, size, 1]) };
  }
});

test("nothing to write, no kernel", () => {
  for (const shape of [
    [0, n, p],
    [batch, 0, p],
    [batch, n, 0],
  ] as Shape[]) {
    const [s0, s1] = shape;
    const on = { diag: make([s0, s1, 1]), q: make([s0, s1, r]), k: make([s0, s1, r]) };
    expect(solve(backend, on, make(shape)).shape).toEqual(shape);
    expect(apply(backend, on, make(shape)).shape).toEqual(shape);
  }
  expect(backend.calls).toEqual([]);
});

test("a kernel that throws leaves no tensor behind", () => {
  const failing = new SpyBackend({
    solve: () => {
      throw new Error("kernel");
    },
  });
  const f = (shape: Shape): HostTensor => failing.empty(shape);
  const on = { diag: f([1, 2, 1]), q: f([1, 2, 1]), k: f([1, 2, 1]) };
  const rhs = f([1, 2, 1]);
  const before = failing.memory();
  expect(() => solve(failing, on, rhs)).toThrow("kernel");
  expect(() => solveVjp(failing, on, rhs, rhs, { initialState: f([1, 1, 1]) })).toThrow("kernel");
  expect(failing.memory().tensors).toEqual(before.tensors + 1);
});

test("logAbsDet sums in float64; no Λ is a singular matrix", async () => {
  op.diag.data.set([1, 2, 4, 1, 0, 1]);
  expect(await logAbsDet(backend, op)).toEqual(Float64Array.of(Math.log(8), -Infinity));
  expect(await logAbsDet(backend, { q: op.q, k: op.k })).toEqual(Float64Array.of(-Infinity, -Infinity));
});
