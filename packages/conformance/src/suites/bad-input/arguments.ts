/** Wrong tensors, shapes and dtypes in the calls of operations. */
import {
  apply,
  applyVjp,
  DisposedError,
  DtypeError,
  inverse,
  newFloatArray,
  ShapeError,
  solve,
  solveVjp,
  trilInverse,
  ValueError,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { sizes, wrongly, type Fixture, type Wrong } from "./fixture.js";

const { batch, n, r, p } = sizes;

export function wrongTensors(fixture: Fixture, foreign: Tensor): Wrong[] {
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

export function wrongShapes(fixture: Fixture): Wrong[] {
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
      spoilt("a state of another rank", () => verb(backend, op, rhs, { initialState: rhs })),
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
      () => applyVjp(backend, op, rhs, rhs, { initialState: rhs }),
    ],
    [
      "solveVjp with Z̄ of a wrong shape",
      ShapeError,
      () => solveVjp(backend, op, rhs, rhs, { finalStateCotangent: rhs, initialState: state }),
    ],
  ];
}

/** Returns calls with an operator of one dtype and one operand of the other. */
export function wrongDtypes(fixture: Fixture): Wrong[] {
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
    spoilt("solve with a state", () => solve(backend, op, rhs, { initialState: state })),
    spoilt("solve with a final state", () => solve(backend, op, rhs, { finalState: state })),
    spoilt("apply with x", () => apply(backend, op, b)),
    spoilt("inverse into a tensor", () => inverse(backend, op, { out: dense })),
    spoilt("trilInverse into a tensor", () => trilInverse(backend, fixture.square, { out: dense })),
  ];
}
