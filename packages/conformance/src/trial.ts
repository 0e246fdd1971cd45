import {
  elementCount,
  newFloatArray,
  type Backend,
  type Dtype,
  type FloatArray,
  type KernelName,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { Scope as TensorScope } from "@dlrt/core/backend";
import fc from "fast-check";
import type { Omega } from "./backward-error.js";
import type { GateKind } from "./gates.js";
import type { Plan } from "./options.js";
import type { Pulse } from "./pulse.js";
import type { Recorder } from "./recorder.js";
import type { Subject } from "./report.js";
import { textOf } from "./text.js";

/** A backend broke a promise. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}

/** The backend cannot do what a case is about and said so, or the plan cannot stand it: the case is not run. */
export class LackError extends Error {
  override readonly name = "LackError";
}

/** @throws ConformanceError */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConformanceError(message);
}

/** Returns what a call throws or rejects with, and undefined only where it does neither. */
export async function caught(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error ?? new ConformanceError(`${textOf(error)} was thrown`);
  }
}

/** One named test: what it is about, what it needs, and what it does. */
export interface Case extends Subject {
  /** Not run on a backend without all of them. */
  readonly dtypes?: readonly Dtype[];
  /** Not run on a backend that declares one of them missing. */
  readonly kernels?: readonly KernelName[];
  /** Not run on a backend that supports less decay. */
  readonly decay?: GateKind;
  run(trial: Trial): Promise<void>;
}

/** The tensors of one piece of work, disposed at its end whatever happens. */
export class Scope extends TensorScope {
  constructor(
    backend: Backend,
    readonly pulse?: Pulse,
  ) {
    super(backend);
  }

  put(data: FloatArray, shape: Shape): Tensor {
    return this.own(this.backend.upload({ data, shape }));
  }

  /** Makes a tensor full of NaN, so that whatever is not written shows. */
  poisoned(shape: Shape, dtype: Dtype): Tensor {
    return this.put(newFloatArray(dtype, elementCount(shape)).fill(NaN), shape);
  }

  /** Leaves NaN in memory that the next `empty` of this size may get. */
  poisonFree(shape: Shape, dtype: Dtype): void {
    this.backend.upload({ data: newFloatArray(dtype, elementCount(shape)).fill(NaN), shape }).dispose();
  }

  async read(t: Tensor): Promise<FloatArray> {
    return this.pulse ? this.pulse.step("read", () => this.backend.read(t)) : this.backend.read(t);
  }

  /** Waits for all work. */
  sync(): Promise<void> {
    return this.pulse ? this.pulse.step("sync", () => this.backend.sync()) : this.backend.sync();
  }
}

/** What a case has at hand while it runs. */
export class Trial {
  constructor(
    readonly subject: Case,
    /** The backend that all cases share. */
    readonly backend: Backend,
    /** A fresh one; the case disposes it. */
    readonly create: () => Promise<Backend>,
    readonly plan: Plan,
    readonly recorder: Recorder,
    /** Ends the case if it stands still. */
    readonly pulse: Pulse,
  ) {}

  /** Waits for what a backend promises, under its name: what does not settle fails the case as that. */
  step<R>(name: string, call: () => R | PromiseLike<R>): Promise<R> {
    return this.pulse.step(name, call);
  }

  /** Counts a piece of work that was judged by a yes or no. */
  count(pieces = 1): void {
    this.pulse.beat();
    this.recorder.count(this.subject, pieces);
  }

  /**
   * Counts a piece of work that was measured, for the family of its problem too.
   *
   * @throws ConformanceError unless ω ≤ limit
   */
  judge(where: string, omega: Omega, limit: number, family?: string): void {
    this.pulse.beat();
    this.recorder.measure(this.subject, { omega, limit, where, ...(family !== undefined && { family }) });
    demand(
      omega <= limit,
      `${this.subject.operation}: ω = ${omega.toPrecision(4)} ε, allowed ${limit} ε, at ${where}`,
    );
  }

  /** Runs `body`, disposes its tensors, and demands that `memory()` is what it was. */
  async scoped<R>(body: (scope: Scope) => Promise<R>, backend: Backend = this.backend): Promise<R> {
    this.pulse.beat();
    const before = backend.memory();
    const scope = new Scope(backend, this.pulse);
    let result: R;
    try {
      result = await body(scope);
    } finally {
      scope.dispose();
    }
    const after = backend.memory();
    demand(
      after.tensors === before.tensors && after.bytes === before.bytes,
      `leak: ${after.tensors - before.tensors} tensors, ${after.bytes - before.bytes} bytes live on after all were disposed`,
    );
    return result;
  }

  /** Runs `body` on `plan.cases` random values, times `share`. A failure is shrunk, and names its seed. */
  async property<V>(
    values: fc.Arbitrary<V>,
    body: (scope: Scope, value: V) => Promise<void>,
    share = 1,
  ): Promise<void> {
    const property = fc.asyncProperty(values, (value) => this.scoped((scope) => body(scope, value)));
    const numRuns = Math.max(1, Math.ceil(this.plan.cases * share));
    await fc.assert(property, { seed: this.plan.seed, numRuns, endOnFailure: false });
  }
}
