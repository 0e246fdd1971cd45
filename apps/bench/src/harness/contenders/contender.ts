import type { Backend, Tensor } from "@dlrt/core";
import { phaseMeter, type PhaseMeter } from "../device/phases.js";
import type { Operation, Run } from "../operations/operation.js";
import { aboutBackend, lacking, type KernelName } from "./supports.js";
import { decayOf, type Problem } from "../workload/problem.js";

/** What a report says of who was measured, be it in an operation on T or in a layer. */
export interface Named {
  readonly name: string;
  readonly kind: "backend" | "peer";
  /** The build, device or version that runs. */
  readonly build: string;
  /** Something the reader must know: a fallback, a software device. */
  readonly note?: string | undefined;
  /** What bounds its arithmetic: an engine's registers, by threads. Absent where no ceiling is measured. */
  readonly ceiling?: Ceiling | undefined;
}

/** Something that can be measured: a backend, or something else that a user could pick instead. */
export interface Contender extends Named {
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

/** A backend, and the name of its build and threads, which it has in reports. */
export interface Opened {
  readonly name: string;
  readonly backend: Backend;
  readonly ceiling?: Ceiling | undefined;
}

export function backendContender<T extends Tensor>(
  name: string,
  backend: Backend<T>,
  ceiling?: Ceiling,
): Contender {
  const { supports } = backend;
  return {
    name,
    ...aboutBackend(supports),
    slow: supports.software,
    ceiling,
    phases: phaseMeter(backend),
    refuses({ name: operation }, problem) {
      const asked = decayOf(problem);
      const gradients: KernelName[] = ["solve", "apply", "rowDot"];
      if (asked !== "none") gradients.push("decayVjp");
      return lacking(supports, problem.dtype, asked, operation === "solveVjp" ? gradients : [operation]);
    },
    open: (operation, problem, chunk) => operation.open(backend, problem, chunk),
    dispose: () => backend.dispose(),
  };
}

/** A contender in plain JavaScript, which has nothing to dispose. */
export function jsPeer(
  of: Pick<Contender, "name" | "build" | "refuses" | "slow" | "flops"> & {
    open(operation: Operation, problem: Problem): Pick<Run, "call" | "read">;
  },
): Contender {
  return {
    ...of,
    kind: "peer",
    ceiling: { engine: "js", threads: 1 },
    open: (operation, problem) => ({ ...of.open(operation, problem), close: () => undefined }),
    dispose: async () => undefined,
  };
}

/** Above so many flops, slow contenders are left out: each call takes seconds, and there are several. */
const PATIENCE = 4e9;

/** Returns the same contender, which refuses what is too large for it where it is slow. */
export function sparing(contender: Contender): Contender {
  if (!contender.slow) return contender;
  return {
    ...contender,
    refuses(operation, problem) {
      const refusal = contender.refuses(operation, problem);
      if (refusal !== undefined) return refusal;
      const flops = contender.flops?.(operation, problem) ?? operation.flops(problem);
      return flops > PATIENCE ? "left out to keep the run short; bench --patient runs it" : undefined;
    },
  };
}
