/**
 * Every wrong call throws the error that says so, leaves `memory()` as it was, and writes nothing. Core checks the
 * operations; `empty`, `upload` and `read` are the backend's own, and core's checks rest on what its tensors say of
 * themselves.
 */
import {
  apply,
  applyVjp,
  DisposedError,
  DtypeError,
  inverse,
  LimitError,
  newFloatArray,
  ShapeError,
  solve,
  solveVjp,
  trilInverse,
  UnsupportedError,
  ValueError,
  type Backend,
  type DlrtError,
  type Dtype,
  type FloatArray,
  type HostView,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { demand, type Case, type Scope, type Trial } from "../trial.js";

/** A constructor of core's errors; the arguments do not matter. */
type ErrorClass = abstract new (...args: never[]) => DlrtError;
type Wrong = readonly [what: string, expected: ErrorClass, call: () => unknown];

const [batch, n, r, p] = [2, 5, 3, 2];
// Not what the types allow: what a caller in JavaScript may do.
const wrongly = <T>(value: unknown): T => value as T;

/** Good arguments, to be spoiled one at a time. */
class Fixture {
  readonly backend: Backend;
  readonly dtype: Dtype;
  readonly op: { diag: Tensor; q: Tensor; k: Tensor };
  readonly rhs: Tensor;
  readonly out: Tensor;
  readonly state: Tensor;
  readonly square: Tensor;
  readonly dense: Tensor;
  /** Q and K of rank n */
  readonly factor: Tensor;
  readonly gone: Tensor;

  constructor(
    readonly scope: Scope,
    dtype: Dtype,
  ) {
    this.backend = scope.backend;
    this.dtype = dtype;
    this.op = { diag: this.ones([batch, n, 1]), q: this.ones([batch, n, r]), k: this.ones([batch, n, r]) };
    this.rhs = this.ones([batch, n, p]);
    this.out = this.ones([batch, n, p]);
    this.state = this.ones([batch, r, p]);
    this.square = this.ones([batch, n, n]);
    this.dense = this.ones([batch, n, n]);
    this.factor = this.ones([batch, n, n]);
    this.gone = this.ones([batch, n, p]);
    this.gone.dispose();
  }

  array(length: number): FloatArray {
    return newFloatArray(this.dtype, length).fill(1);
  }

  ones(shape: Shape): Tensor {
    return this.scope.put(this.array(shape[0] * shape[1] * shape[2]), shape);
  }
}

function wrongAllocations({ backend, dtype }: Fixture): Wrong[] {
  const empty =
    (shape: unknown, of: unknown = dtype) =>
    () =>
      backend.empty(wrongly(shape), wrongly(of));
  return [
    ["empty with a negative size", ShapeError, empty([1, -1, 1])],
    ["empty with a fractional size", ShapeError, empty([1, 1.5, 1])],
    ["empty with NaN for a size", ShapeError, empty([NaN, 1, 1])],
    ["empty with two sizes", ShapeError, empty([1, 1])],
    ["empty with no shape", ShapeError, empty(undefined)],
    ["empty of 2³¹ elements", LimitError, empty([1, 2 ** 16, 2 ** 15])],
    ["empty of 2⁵³ − 1 rows", LimitError, empty([1, 2 ** 53 - 1, 1])],
    ["empty past the limit that the backend states", LimitError, empty([1, 1, justPast(backend, dtype)])],
    ["empty of an unknown dtype", UnsupportedError, empty([1, 1, 1], "f16x")],
  ];
}

function justPast({ supports }: Backend, dtype: Dtype): number {
  return Math.min(2 ** 31, Math.floor(supports.limits.tensorBytes / (dtype === "f32" ? 4 : 8)) + 1);
}

/** A buffer whose memory went to somebody else: length 0, and instanceof still holds. */
function detached(array: FloatArray): FloatArray {
  const { structuredClone } = globalThis as unknown as {
    structuredClone: (value: unknown, options: { transfer: unknown[] }) => unknown;
  };
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

function wrongViews(fixture: Fixture): Wrong[] {
  const { backend } = fixture;
  const data = fixture.array(12);
  const upload = (view: unknown) => () => backend.upload(wrongly(view));
  const of = (view: Partial<HostView>) => upload({ data, shape: [1, 3, 4], ...view });
  return [
    ["upload of a buffer one element short", ShapeError, of({ data: fixture.array(11) })],
    ["upload with an offset past the end", ShapeError, of({ offset: 1 })],
    ["upload with a negative offset", ShapeError, of({ offset: -1 })],
    ["upload with a fractional offset", ShapeError, of({ offset: 0.5 })],
    ["upload with a stride past the end", ShapeError, of({ strides: [12, 5, 1] })],
    ["upload of a reversed view without its offset", ShapeError, of({ strides: [12, 4, -1] })],
    ["upload of a reversed view one element off", ShapeError, of({ strides: [0, -4, 1], offset: 7 })],
    ["upload with a fractional stride", ShapeError, of({ strides: [12, 4, 0.5] })],
    ["upload with two strides", ShapeError, of({ strides: wrongly([4, 1]) })],
    ["upload of a detached buffer", ShapeError, of({ data: detached(fixture.array(12)) })],
    ["upload with a wrong shape", ShapeError, of({ shape: [1, -3, 4] })],
    [
      "upload of 2³¹ elements by broadcast",
      LimitError,
      of({ shape: [1, 2 ** 16, 2 ** 15], strides: [0, 0, 0] }),
    ],
    ["upload of a plain array", DtypeError, of({ data: wrongly([1, 2, 3]) })],
    ["upload of an Int32Array", DtypeError, of({ data: wrongly(new Int32Array(12)) })],
    ["upload of a DataView", DtypeError, of({ data: wrongly(new DataView(new ArrayBuffer(48))) })],
    ["upload of an ArrayBuffer", DtypeError, of({ data: wrongly(new ArrayBuffer(48)) })],
    ["upload of nothing", ValueError, upload(undefined)],
  ];
}

function wrongTensors(fixture: Fixture, foreign: Tensor): Wrong[] {
  const { backend, op, rhs, gone } = fixture;
  const plain = wrongly<Tensor>({ dtype: fixture.dtype, shape: rhs.shape });
  return [
    ["read of a disposed tensor", DisposedError, () => backend.read(gone)],
    ["read of another backend's tensor", ValueError, () => backend.read(foreign)],
    ["read of something else", ValueError, () => backend.read(plain)],
    ["solve of a disposed tensor", DisposedError, () => solve(backend, op, gone)],
    ["solve into a disposed tensor", DisposedError, () => solve(backend, op, rhs, { out: gone })],
    ["solve of another backend's tensor", ValueError, () => solve(backend, op, foreign)],
    ["solve into another backend's tensor", ValueError, () => solve(backend, op, rhs, { out: foreign })],
    ["solve of something else", ValueError, () => solve(backend, op, plain)],
    ["solve on no backend", ValueError, () => solve(wrongly({}), op, rhs)],
    ["solve with no operator", ValueError, () => solve(backend, wrongly(null), rhs)],
    ["apply with another backend's Λ", ValueError, () => apply(backend, { ...op, diag: foreign }, rhs)],
    ["inverse into a disposed tensor", DisposedError, () => inverse(backend, op, { out: gone })],
  ];
}

function wrongShapes(fixture: Fixture): Wrong[] {
  const { backend, op, rhs, state } = fixture;
  const wide = fixture.ones([batch, n, r + 1]);
  const long = fixture.ones([batch, n + 1, r]);
  const flat = fixture.ones([batch, 1, n]);
  const single = fixture.ones([1, n, 1]);
  const more = fixture.ones([batch + 1, n, p]);
  const turned = fixture.ones([batch, p, r]);
  const large = fixture.ones([1, 129, 129]);
  const wrongOps: Wrong[] = (["solve", "apply"] as const).flatMap((name) => {
    const verb = name === "solve" ? solve : apply;
    const spoilt = (what: string, call: () => unknown): Wrong => [`${name} with ${what}`, ShapeError, call];
    return [
      spoilt("K of another rank", () => verb(backend, { ...op, k: wide }, rhs)),
      spoilt("K of another n", () => verb(backend, { ...op, k: long }, rhs)),
      spoilt("Λ as [batch, 1, n]", () => verb(backend, { ...op, diag: flat }, rhs)),
      spoilt("Λ of another batch", () => verb(backend, { ...op, diag: single }, rhs)),
      spoilt("a right-hand side of another n", () => verb(backend, op, long)),
      spoilt("a right-hand side of another batch", () => verb(backend, op, more)),
      spoilt("out of another p", () => verb(backend, op, rhs, { out: wide })),
      spoilt("a state of another rank", () => verb(backend, op, rhs, { state: rhs })),
      spoilt("a transposed final state", () => verb(backend, op, rhs, { finalState: turned })),
    ];
  });
  return [
    ...wrongOps,
    ["inverse into another shape", ShapeError, () => inverse(backend, op, { out: rhs })],
    ["trilInverse of no square", ShapeError, () => trilInverse(backend, rhs)],
    ["trilInverse of c = 129", ShapeError, () => trilInverse(backend, large)],
    ["trilInverse into another shape", ShapeError, () => trilInverse(backend, fixture.square, { out: rhs })],
    ["solveVjp with a cotangent of another p", ShapeError, () => solveVjp(backend, op, rhs, wide)],
    [
      "applyVjp with a state's shape wrong",
      ShapeError,
      () => applyVjp(backend, op, rhs, rhs, { state: rhs }),
    ],
    [
      "solveVjp with Z̄ of a wrong shape",
      ShapeError,
      () => solveVjp(backend, op, rhs, rhs, { finalStateCotangent: rhs, state }),
    ],
  ];
}

function wrongValues({ backend, op, rhs, out, square, dense, ...fixture }: Fixture): Wrong[] {
  const square5 = { diag: op.diag, q: fixture.factor, k: fixture.factor }; // n = r = p
  const withOption = (option: object) => () => solve(backend, op, rhs, option);
  const { diag: _, ...noLambda } = op;
  return [
    ["solve without Λ", ValueError, () => solve(backend, noLambda, rhs)],
    ["inverse without Λ", ValueError, () => inverse(backend, noLambda)],
    ["solve with α = NaN", ValueError, withOption({ alpha: NaN, out })],
    ["solve with α = ∞", ValueError, withOption({ alpha: Infinity, out })],
    ['solve with α = "1"', ValueError, withOption({ alpha: "1", out })],
    ["apply with α = −∞", ValueError, () => apply(backend, op, rhs, { alpha: -Infinity, out })],
    ["solve with chunk 0", ValueError, withOption({ chunk: 0, out })],
    ["solve with chunk 2.5", ValueError, withOption({ chunk: 2.5, out })],
    ["inverse with chunk −1", ValueError, () => inverse(backend, op, { chunk: -1, out: dense })],
    ['solve with trans "yes"', ValueError, withOption({ trans: "yes", out })],
    ["solve with check 1", ValueError, withOption({ check: 1, out })],
    ["solveVjp with α = 0", ValueError, () => solveVjp(backend, op, rhs, rhs, { alpha: 0 })],
    ["apply with out = x", ValueError, () => apply(backend, op, rhs, { out: rhs })],
    ["solve with out = q", ValueError, () => solve(backend, { ...op, q: out, k: out }, rhs, { out })],
    [
      "solve with finalState = out",
      ValueError,
      () => solve(backend, square5, square, { out: dense, finalState: dense }),
    ],
    [
      "solve with finalState = b",
      ValueError,
      () => solve(backend, square5, square, { out: dense, finalState: square }),
    ],
    [
      "solve with state = out",
      ValueError,
      () => solve(backend, square5, square, { out: dense, state: dense }),
    ],
    [
      "inverse with out = q",
      ValueError,
      () => inverse(backend, { diag: op.diag, q: dense, k: square }, { out: dense }),
    ],
    ["trilInverse with out = a", ValueError, () => trilInverse(backend, square, { out: square })],
    ["apply with finalState = x", ValueError, () => apply(backend, square5, dense, { finalState: dense })],
  ];
}

async function caught(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Makes each wrong call; `watched` must keep their ones. */
async function refuse(trial: Trial, backend: Backend, wrongs: readonly Wrong[]): Promise<void> {
  for (const [what, expected, call] of wrongs) {
    const before = backend.memory();
    const error = await caught(call);
    demand(
      error instanceof expected,
      `${what}: expected a ${expected.name}, got ${error === undefined ? "no error" : String(error)}`,
    );
    const after = backend.memory();
    demand(
      after.tensors === before.tensors && after.bytes === before.bytes,
      `${what}: left ${after.tensors - before.tensors} tensors of ${after.bytes - before.bytes} bytes behind`,
    );
    trial.count();
  }
}

async function judge(
  trial: Trial,
  wrongsOf: (fixture: Fixture, foreign: Tensor) => readonly Wrong[],
): Promise<void> {
  const dtype = trial.subject.dtype ?? trial.backend.supports.dtypes[0]!;
  const other = await trial.create();
  try {
    const foreign = other.upload({ data: newFloatArray(dtype, batch * n * p), shape: [batch, n, p] });
    await trial.scoped(async (scope) => {
      const fixture = new Fixture(scope, dtype);
      await refuse(trial, trial.backend, wrongsOf(fixture, foreign));
      const { op, rhs, out, state, square, dense } = fixture;
      for (const [name, t] of Object.entries({ ...op, rhs, out, state, square, dense })) {
        const kept = (await scope.read(t)).every((value) => value === 1);
        demand(kept, `a refused call wrote to ${name}`);
      }
    });
  } finally {
    await other.dispose();
  }
}

/** An operator of one dtype, everything else of the other. */
function wrongDtypes(fixture: Fixture): Wrong[] {
  const { backend, op, rhs } = fixture;
  const alien = ([b, rows, cols]: Shape): Tensor =>
    fixture.scope.put(newFloatArray(fixture.dtype === "f32" ? "f64" : "f32", b * rows * cols), [
      b,
      rows,
      cols,
    ]);
  const [diag, k, b] = [alien([batch, n, 1]), alien([batch, n, r]), alien([batch, n, p])];
  const [state, dense] = [alien([batch, r, p]), alien([batch, n, n])];
  const spoilt = (what: string, call: () => unknown): Wrong => [`${what} of another dtype`, DtypeError, call];
  return [
    spoilt("solve with b", () => solve(backend, op, b)),
    spoilt("solve with K", () => solve(backend, { ...op, k }, rhs)),
    spoilt("solve with Λ", () => solve(backend, { ...op, diag }, rhs)),
    spoilt("solve into a tensor", () => solve(backend, op, rhs, { out: b })),
    spoilt("solve with a state", () => solve(backend, op, rhs, { state })),
    spoilt("solve with a final state", () => solve(backend, op, rhs, { finalState: state })),
    spoilt("apply with x", () => apply(backend, op, b)),
    spoilt("inverse into a tensor", () => inverse(backend, op, { out: dense })),
    spoilt("trilInverse into a tensor", () => trilInverse(backend, fixture.square, { out: dense })),
  ];
}

export function badInputCases(): Case[] {
  const kernels = ["solve", "apply", "inverse", "trilInverse", "rowDot"] as const;
  const of = (name: string, wrongsOf: (fixture: Fixture, foreign: Tensor) => readonly Wrong[]): Case => ({
    ...{ suite: "bad input", operation: "bad input", name },
    run: (trial) => judge(trial, wrongsOf),
  });
  return [
    of("allocations", wrongAllocations),
    of("views", wrongViews),
    { ...of("tensors: disposed, foreign, none at all", wrongTensors), kernels },
    { ...of("shapes", wrongShapes), kernels },
    { ...of("options and aliases", wrongValues), kernels },
    { ...of("f32: dtypes", wrongDtypes), kernels, dtype: "f32", dtypes: ["f64"] },
    { ...of("f64: dtypes", wrongDtypes), kernels, dtype: "f64", dtypes: ["f32"] },
  ];
}
