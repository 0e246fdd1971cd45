/** Every wrong call of an operation is refused by the error that says so, before a kernel runs or a tensor is made. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  apply,
  applyVjp,
  DisposedError,
  DtypeError,
  inverse,
  inverseVjp,
  logAbsDet,
  materialize,
  ShapeError,
  solve,
  solveVjp,
  trilInverse,
  UnsupportedError,
  ValueError,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { any, expectRefused, Refusals, type ErrorClass } from "./refusals.js";
import { SpyBackend } from "./spy-backend.js";

const [batch, n, r, p] = [2, 3, 2, 4];
let refusals: Refusals;
let backend: SpyBackend;
let op: { diag: HostTensor; q: HostTensor; k: HostTensor };
let b: HostTensor;
let z: HostTensor;

beforeEach(() => {
  refusals = new Refusals();
  backend = refusals.backend;
  op = { diag: make([batch, n, 1]), q: make([batch, n, r]), k: make([batch, n, r]) };
  b = make([batch, n, p]);
  z = make([batch, r, p]);
});
afterEach(() => backend.dispose());

const make: Refusals["make"] = (shape, dtype) => refusals.make(shape, dtype);
const refuses = (call: () => unknown, error: ErrorClass, argument: string): void =>
  expectRefused(refusals, call, error, argument);

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
    refusals.dispose(b);
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
