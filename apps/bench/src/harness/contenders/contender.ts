import type { Backend, Tensor } from "@dlrt/core";
import { phaseMeter, type PhaseMeter } from "../device/phases.js";
import type { Operation, Run } from "../operations/operation.js";
import { decayOf, type Problem } from "../workload/problem.js";

/** Something that can be measured: a backend, or something else that a user could pick instead. */
export interface Contender {
  readonly name: string;
  readonly kind: "backend" | "peer";
  /** The build, device or version that runs. */
  readonly build: string;
  /** Something the reader must know: a fallback, a software device. */
  readonly note?: string | undefined;
  /** What bounds its arithmetic: an engine's registers, by threads. Absent where no ceiling is measured. */
  readonly ceiling?: Ceiling | undefined;
  /** Left out of large problems unless asked for, to keep a run short (`sparing`). */
  readonly slow?: boolean | undefined;
  /** Takes upload, compute and readback apart, where the work is done on a device of its own. */
  readonly phases?: PhaseMeter | undefined;
  /** Flops of one call, where they grow faster than the operation's useful ones. */
  flops?(operation: Operation, problem: Problem): number;
  /** Why it does not take this work; undefined where it does. */
  refuses(operation: Operation, problem: Problem): string | undefined;
  open(operation: Operation, problem: Problem, chunk: number | undefined): Run;
  dispose(): Promise<void>;
}

export interface Ceiling {
  readonly engine: "js" | "wasm";
  readonly threads: number;
}

/** A contender that could not be opened, and why. */
export interface Missing {
  readonly name: string;
  readonly reason: string;
}

export function backendContender<T extends Tensor>(
  name: string,
  backend: Backend<T>,
  ceiling?: Ceiling,
): Contender {
  const { dtypes, decay = "none", missing, build, fallback, software } = backend.supports;
  const notes = [fallback, software ? "software device: no measure of speed" : undefined];
  return {
    name,
    kind: "backend",
    build,
    note: notes.filter(Boolean).join("; ") || undefined,
    slow: software,
    ceiling,
    phases: phaseMeter(backend),
    refuses(operation, problem) {
      const asked = decayOf(problem);
      if (!dtypes.includes(problem.dtype)) return `no ${problem.dtype}`;
      if (asked !== "none" && decay !== "channel" && decay !== asked) return `no decay by ${asked}`;
      const gradients = [
        "solve",
        "apply",
        "rowDot",
        ...(asked === "none" ? [] : ["decayVjp" as const]),
      ] as const;
      const kernels = operation.name === "solveVjp" ? gradients : [operation.name];
      const lacks = kernels.find((kernel) => missing?.includes(kernel));
      return lacks && `no ${lacks} kernel`;
    },
    open: (operation, problem, chunk) => operation.open(backend, problem, chunk),
    dispose: () => backend.dispose(),
  };
}
