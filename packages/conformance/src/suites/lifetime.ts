/** The lives of tensors and backends: what lives is counted, what was disposed is gone, and nothing outlives its backend. */
import {
  applyVjp,
  byteSize,
  DisposedError,
  inverse,
  materialize,
  solve,
  solveVjp,
  type Backend,
  type Shape,
  type Sizes,
  type Tensor,
} from "@dlrt/core";
import * as host from "@dlrt/core/host";
import { operatorOn } from "../calls.js";
import { makeProblem, shapesOf } from "../problems.js";
import { affordSquare } from "../sizes.js";
import { textOf } from "../text.js";
import { caught, demand, Scope, type Case, type Trial } from "../trial.js";

const sizesFor = ({ plan }: Trial): Sizes => {
  const { n } = affordSquare({ batch: 2, n: 40, r: 3 }, plan); // materialize makes n columns
  return { batch: 2, n, r: 3, p: Math.min(n, 2) };
};

function demandLive(backend: Backend, tensors: number, bytes: number, when: string): void {
  const live = backend.memory();
  demand(
    live.tensors === tensors && live.bytes >= bytes && (tensors > 0 || live.bytes === 0),
    `memory() ${when}: expected ${tensors} tensors of ${bytes} bytes, got ${live.tensors} of ${live.bytes}`,
  );
}

async function withFresh(trial: Trial, body: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await trial.create();
  try {
    await body(backend);
  } finally {
    await trial.step("dispose", () => backend.dispose());
  }
}

function counts(trial: Trial): Promise<void> {
  return withFresh(trial, async (backend) => {
    const dtype = backend.supports.dtypes[0]!;
    demandLive(backend, 0, 0, "of a new backend");
    const shapes: Shape[] = [
      [1, 2, 3],
      [0, 5, 1],
      [3, 100, 7],
    ];
    const tensors = shapes.map((shape) => backend.empty(shape, dtype));
    const bytes = shapes.reduce((sum, shape) => sum + byteSize(shape, dtype), 0);
    demandLive(backend, 3, bytes, "after three tensors");
    tensors[0]!.dispose();
    tensors[0]!.dispose();
    demandLive(backend, 2, bytes - byteSize(shapes[0]!, dtype), "after one was disposed twice");
    demand(tensors[0]!.disposed && !tensors[1]!.disposed, "disposed: expected true of that tensor alone");
    tensors[1]![Symbol.dispose]();
    tensors[2]!.dispose();
    demandLive(backend, 0, 0, "after all were disposed");
    trial.count();
  });
}

/** Demands that gradients and derived verbs leave their results and nothing else. */
function temporaries(trial: Trial): Promise<void> {
  return withFresh(trial, async (backend) => {
    const sizes = sizesFor(trial);
    const problem = makeProblem("delta-net", sizes, backend.supports.dtypes[0]!, 1);
    const shape = shapesOf(sizes);
    const scope = new Scope(backend, trial.pulse);
    const op = operatorOn(scope, problem);
    const rhs = scope.put(problem.rhs, shape.rhs);
    const state = scope.put(problem.state, shape.state);
    const options = { alpha: 0.5, initialState: state, finalStateCotangent: state };
    const calls: Record<string, () => Tensor[]> = {
      solve: () => [solve(backend, op, rhs)],
      inverse: () => [inverse(backend, op)],
      materialize: () => [materialize(backend, op)],
      solveVjp: () => Object.values<Tensor>({ ...solveVjp(backend, op, rhs, rhs, options) }),
      applyVjp: () => Object.values<Tensor>({ ...applyVjp(backend, op, rhs, rhs, options) }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const before = backend.memory();
      const results = call();
      await scope.sync();
      demandLive(backend, before.tensors + results.length, before.bytes, `after ${name}`);
      for (const t of results) t.dispose();
      demandLive(backend, before.tensors, before.bytes, `after ${name} and its results' end`);
      trial.count();
    }
    scope.dispose();
    demandLive(backend, 0, 0, "after all were disposed");
    const { diag, q, k, rhs: b } = problem;
    await trial.step("host.solve", () => host.solve(backend, { diag, q, k, shape: shape.factor }, b));
    demandLive(backend, 0, 0, "after a verb on plain arrays");
  });
}

/** @throws ConformanceError unless `call` throws or rejects with a DisposedError */
export async function demandDisposed(what: string, call: () => unknown): Promise<void> {
  const error = await caught(call);
  demand(error instanceof DisposedError, `${what}: expected a DisposedError, got ${textOf(error)}`);
}

async function afterTheEnd(trial: Trial): Promise<void> {
  const backend = await trial.create();
  const dtype = backend.supports.dtypes[0]!;
  const sizes = sizesFor(trial);
  const problem = makeProblem("delta-net", sizes, dtype, 1);
  const scope = new Scope(backend);
  const op = operatorOn(scope, problem);
  const rhs = scope.put(problem.rhs, shapesOf(sizes).rhs);
  await trial.step("dispose", () => backend.dispose());
  demand(backend.disposed, "backend.disposed: expected true after dispose()");
  demandLive(backend, 0, 0, "of a disposed backend");
  demand(rhs.disposed, "tensor.disposed: expected true after its backend's dispose()");
  rhs.dispose();
  demandLive(backend, 0, 0, "of a disposed backend, after a tensor's dispose()");
  await trial.step("dispose, again", () => backend.dispose());
  await trial.step("Symbol.asyncDispose", () => backend[Symbol.asyncDispose]());
  await demandDisposed("empty on a disposed backend", () => backend.empty([1, 1, 1], dtype));
  await demandDisposed("upload on a disposed backend", () =>
    backend.upload({ data: problem.rhs, shape: shapesOf(sizes).rhs }),
  );
  await demandDisposed("read on a disposed backend", () => backend.read(rhs));
  await demandDisposed("sync on a disposed backend", () => backend.sync());
  await demandDisposed("solve on a disposed backend", () => solve(backend, op, rhs));
  trial.count();
}

/** Demands that a second backend lives on when the first is disposed. */
async function independent(trial: Trial): Promise<void> {
  const one = await trial.create();
  const two = await trial.create();
  const dtype = one.supports.dtypes[0]!;
  const sizes = sizesFor(trial);
  const t = two.upload({ data: makeProblem("delta-net", sizes, dtype, 1).rhs, shape: shapesOf(sizes).rhs });
  one.empty([1, 1, 1], dtype);
  await trial.step("dispose", () => one.dispose());
  demandLive(two, 1, 0, "of a second backend");
  demand(
    (await trial.step("read", () => two.read(t))).every(Number.isFinite),
    "read: expected a second backend to live on",
  );
  await trial.step("dispose", () => two.dispose());
  trial.count();
}

export function lifetimeCases(): Case[] {
  const of = (name: string, run: Case["run"], kernels?: Case["kernels"]): Case => ({
    ...{ suite: "lifetime", operation: "lifetime", name, run },
    ...(kernels && { kernels }),
  });
  return [
    of("memory() counts what lives", counts),
    of("no temporary stays", temporaries, ["solve", "apply", "inverse", "rowDot", "copy"]),
    of("a disposed backend refuses everything", afterTheEnd, ["solve"]),
    of("backends do not share an end", independent),
  ];
}
