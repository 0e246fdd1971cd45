/**
 * Every wrong call must throw the error that says so, leave `memory()` as it was, and write nothing. Core checks the
 * operations. `empty`, `upload` and `read` are the backend's own, and core's checks rest on what its tensors say of
 * themselves.
 */
import { newFloatArray, type Backend, type Tensor } from "@dlrt/core";
import { textOf } from "../../text.js";
import { caught, demand, type Case, type Trial } from "../../trial.js";
import { wrongDtypes, wrongShapes, wrongTensors } from "./arguments.js";
import { anyChunk, hostileObjects, keepsShape } from "./hostile.js";
import { judgeHuge } from "./huge.js";
import { wrongAllocations, wrongViews } from "./memory.js";
import { Fixture, sizes, type Wrong } from "./fixture.js";
import { wrongValues } from "./options.js";
import { wrongDecays, wrongLayouts } from "./views.js";

const { batch, n, p } = sizes;

/** Makes each wrong call, and demands its error and that it leaves nothing behind. */
async function refuse(trial: Trial, backend: Backend, wrongs: readonly Wrong[]): Promise<void> {
  for (const [what, expected, call] of wrongs) {
    const before = backend.memory();
    const error = await caught(call);
    demand(
      error instanceof expected,
      `${what}: expected a ${expected.name}, got ${error === undefined ? "no error" : textOf(error)}`,
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
    await trial.step("dispose", () => other.dispose());
  }
}

export function badInputCases(): Case[] {
  const kernels = ["solve", "apply", "inverse", "trilInverse", "rowDot"] as const;
  const own = (name: string): Omit<Case, "run"> => ({ suite: "bad input", operation: "bad input", name });
  const of = (name: string, wrongsOf: (fixture: Fixture, foreign: Tensor) => readonly Wrong[]): Case => ({
    ...own(name),
    run: (trial) => judge(trial, wrongsOf),
  });
  return [
    of("allocations", wrongAllocations),
    of("views", wrongViews),
    { ...of("tensors: disposed, foreign, none at all", wrongTensors), kernels },
    { ...of("shapes", wrongShapes), kernels },
    { ...of("options and aliases", wrongValues), kernels },
    { ...of("layouts", wrongLayouts), kernels },
    { ...of("decays", wrongDecays), kernels },
    { ...of("f32: dtypes", wrongDtypes), kernels, dtype: "f32", dtypes: ["f64"] },
    { ...of("f64: dtypes", wrongDtypes), kernels, dtype: "f64", dtypes: ["f32"] },
    { ...of("holes, proxies, null, unknown options", hostileObjects), kernels },
    { ...own("a tensor's shape cannot be changed"), run: keepsShape },
    { ...own("empty and huge sizes"), kernels, run: judgeHuge },
    { ...own("a chunk of any size"), kernels: ["solve", "apply", "inverse"], run: anyChunk },
  ];
}
