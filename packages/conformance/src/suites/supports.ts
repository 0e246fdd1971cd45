/** What a backend says of itself: its name, dtypes, kernels and limits must be true. */
import {
  apply,
  applyVjp,
  bytesPerElement,
  inverse,
  MAX_ELEMENTS,
  newFloatArray,
  SingularError,
  solve,
  trilInverse,
  UnsupportedError,
  type DiagLowRankTril,
  type Dtype,
  type HostView,
  type KernelName,
  type Tensor,
  type VjpOptions,
} from "@dlrt/core";
import { textOf } from "../text.js";
import { caught, demand, type Case, type Trial } from "../trial.js";

async function names(trial: Trial): Promise<void> {
  const { name, supports } = trial.backend;
  demand(typeof name === "string" && name !== "", `name: expected some, got ${String(name)}`);
  demand(typeof supports.build === "string" && supports.build !== "", "supports.build: expected what runs");
  demand(supports.dtypes.length > 0, "supports.dtypes: expected at least one");
  demand(new Set(supports.dtypes).size === supports.dtypes.length, "supports.dtypes: expected each once");
  const { tensorBytes } = supports.limits;
  const decays: readonly unknown[] = [undefined, "none", "row", "channel"];
  demand(decays.includes(supports.decay), `supports.decay is ${textOf(supports.decay)}`);
  demand(tensorBytes > 0 && tensorBytes <= MAX_ELEMENTS * 8, `supports.limits.tensorBytes is ${tensorBytes}`);
  const other = await trial.create();
  const same = JSON.stringify(other.supports) === JSON.stringify(supports);
  await trial.step("dispose", () => other.dispose());
  demand(same, "supports: expected the same of every backend that `create` makes");
  trial.count();
}

async function dtypes(trial: Trial): Promise<void> {
  const { supports } = trial.backend;
  await trial.scoped(async (scope) => {
    const t = scope.own(scope.backend.empty([1, 2, 3]));
    demand(
      t.dtype === supports.dtypes[0],
      `empty: expected ${supports.dtypes[0]} by default, got ${t.dtype}`,
    );
    demand(String(t.shape) === "1,2,3", `empty: expected shape [1, 2, 3], got [${String(t.shape)}]`);
    demand(t.backend === scope.backend, "tensor.backend: expected the backend that made it");
    for (const dtype of ["f32", "f64"] as const satisfies Dtype[]) {
      const array = dtype === "f32" ? new Float32Array(2) : new Float64Array(2);
      const view: HostView = { data: array, shape: [1, 2, 1] };
      if (supports.dtypes.includes(dtype)) {
        const kept = scope.own(scope.backend.upload(view));
        const read = await scope.read(kept);
        const made = scope.own(scope.backend.empty([1, 1, 1], dtype)).dtype;
        demand(kept.dtype === dtype && made === dtype, `${dtype}: upload made ${kept.dtype}, empty ${made}`);
        demand(
          read.BYTES_PER_ELEMENT === bytesPerElement[dtype],
          `${dtype}: read gave another type of array`,
        );
      } else {
        const errors = [
          await caught(() => scope.backend.upload(view)),
          await caught(() => scope.backend.empty([1, 1, 1], dtype)),
        ];
        demand(
          errors.every((error) => error instanceof UnsupportedError),
          `${dtype} is not in supports.dtypes: expected UnsupportedErrors, got ${String(errors)}`,
        );
      }
    }
  });
  trial.count();
}

/** Demands that a kernel which is declared missing is refused by its name, and that all others run in every dtype. */
async function kernels(trial: Trial): Promise<void> {
  const { backend } = trial;
  const missing = backend.supports.missing ?? [];
  for (const dtype of backend.supports.dtypes) {
    await trial.scoped(async (scope) => {
      const one = dtype === "f32" ? new Float32Array(1) : new Float64Array(1);
      const t = scope.put(one.fill(1), [1, 1, 1]);
      const op = { diag: t, q: t, k: t };
      const calls = {
        solve: () => scope.own(solve(backend, op, t)),
        apply: () => scope.own(apply(backend, op, t)),
        inverse: () => scope.own(inverse(backend, op)),
        trilInverse: () => scope.own(trilInverse(backend, t)),
      };
      // No verb calls these three kernels alone: they are met in gradients.
      const gradients = (options: VjpOptions, on: DiagLowRankTril): void => {
        for (const one of Object.values<Tensor>({ ...applyVjp(backend, on, t, t, options) })) scope.own(one);
      };
      const among = (names: readonly KernelName[]): boolean => names.every((one) => !missing.includes(one));
      const derived = {
        ...(among(["apply"]) && { rowDot: () => gradients({}, op) }),
        ...(among(["apply", "rowDot"]) && { copy: () => gradients({ finalStateCotangent: t }, op) }),
        ...(among(["apply", "rowDot"]) &&
          (backend.supports.decay ?? "none") !== "none" && {
            decayVjp: () =>
              gradients(
                {},
                {
                  ...op,
                  decay: scope.put(
                    one.map(() => -1),
                    [1, 1, 1],
                  ),
                },
              ),
          }),
      };
      for (const [name, call] of Object.entries({ ...calls, ...derived })) {
        const error = await caught(async () => {
          call();
          await scope.sync();
        });
        const declared = (missing as readonly string[]).includes(name);
        demand(
          declared ? error instanceof UnsupportedError : error === undefined,
          `${name} ${dtype}, ${declared ? "declared missing" : "declared there"}: got ${textOf(error)}`,
        );
        trial.count();
      }
    });
  }
}

/** Demands that `prepare`, which is a hint, may be called for anything and leaves no tensor. */
async function prepare(trial: Trial): Promise<void> {
  const { backend } = trial;
  const sizes = { batch: 1, n: 33, r: 4, p: 2 };
  await trial.scoped(async () => {
    for (const dtype of backend.supports.dtypes) {
      for (const kernel of ["solve", "apply", "inverse"] as const) {
        if (backend.supports.missing?.includes(kernel)) continue;
        const kinds = ["none", "row", "channel"] as const;
        const able = kinds.indexOf(backend.supports.decay ?? "none");
        for (const decay of kinds.slice(0, able + 1)) {
          const hint = { ...sizes, kernel, dtype, decay, trans: kernel !== "inverse", chunk: 16 };
          await trial.step("prepare", () => backend.prepare?.(hint));
          trial.count();
        }
      }
    }
  });
}

/** Solves with λ = b subnormal. y must be 1, unless the backend says that it may take λ for 0, in which case `check` must refuse it. */
async function subnormals(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  await trial.scoped(async (scope) => {
    const one = (value: number) => scope.put(newFloatArray(dtype, 1).fill(value), [1, 1, 1]);
    const tiny = one(dtype === "f32" ? 2 ** -130 : 2 ** -1030);
    const op = { diag: tiny, q: one(1), k: one(1) };
    const solved = async (check: boolean): Promise<number | undefined> =>
      (await scope.read(scope.own(solve(scope.backend, op, tiny, { check }))))[0];
    if (scope.backend.supports.flushesSubnormals) {
      const error = await caught(() => solved(true));
      demand(
        error instanceof SingularError,
        `check of a subnormal λ: expected a SingularError, got ${textOf(error)}`,
      );
    } else {
      const y = await solved(true);
      demand(y === 1, `solve with λ = b subnormal: expected 1, or supports.flushesSubnormals, got ${y}`);
    }
    trial.count();
  });
}

export function supportsCases(): Case[] {
  const of = (name: string, run: Case["run"]): Case => ({
    ...{ suite: "supports", operation: "supports", name, run },
  });
  return [
    of("name, build, limits", names),
    of("dtypes", dtypes),
    of("kernels", kernels),
    of("prepare", prepare),
    ...(["f32", "f64"] as const).map((dtype): Case => ({
      ...of(`${dtype}: a subnormal λ is a number, or declared to count as 0`, subnormals),
      ...{ dtype, dtypes: [dtype], kernels: ["solve"] },
    })),
  ];
}
