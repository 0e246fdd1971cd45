/** A call on tensors that lie anyhow, beside the same call on contiguous copies of them. */
import type { Dtype, DecayKind, FloatArray, Sizes, Tensor } from "@dlrt/core";
import fc from "fast-check";
import { arrange, type Arrangement, type Part } from "../arrangement.js";
import { anyCall, sayCall, type Call } from "../calls.js";
import { demandBits } from "../demands.js";
import type { Gates } from "../gates.js";
import { anyGates, budgetFor } from "../kinds.js";
import { decayShapeOf, nameOf, shapesOf, type Problem } from "../problems.js";
import type { Random } from "../random.js";
import { anySizes, atMost } from "../sizes.js";
import { demand, type Scope, type Trial } from "../trial.js";

type Tensors = Readonly<Record<string, Tensor>>;

/** Makes a call on tensors by name, and writes the results to those that are named for it. */
export type Work = (on: Tensors, scope: Scope) => void;

/**
 * Makes the call on contiguous copies of the parts.
 *
 * @returns what it wrote
 */
async function onCopies(
  scope: Scope,
  parts: Readonly<Record<string, Part>>,
  { values }: Arrangement,
  work: Work,
): Promise<Record<string, FloatArray>> {
  const copies: Record<string, Tensor> = {};
  for (const [name, { shape }] of Object.entries(parts)) copies[name] = scope.put(values[name]!, shape);
  work(copies, scope);
  const written: Record<string, FloatArray> = {};
  for (const [name, part] of Object.entries(parts)) {
    if (part.written) written[name] = await scope.read(copies[name]!);
  }
  return written;
}

/**
 * Makes the call both ways and demands the same bits, in memory and by reads of each view that was written. No tensor
 * may be made on the way.
 */
export async function demandSame(
  scope: Scope,
  where: string,
  [dtype, parts, work]: readonly [Dtype, Readonly<Record<string, Part>>, Work],
  how: readonly [Random, boolean],
): Promise<void> {
  const arrangement = arrange(scope, dtype, parts, how);
  const want = await onCopies(scope, parts, arrangement, work);
  const before = scope.backend.memory();
  work(arrangement.views, scope);
  await scope.sync();
  const after = scope.backend.memory();
  demand(after.tensors === before.tensors, `${where}: views made ${after.tensors - before.tensors} tensors`);
  await arrangement.verify(where, want);
  for (const [name, values] of Object.entries(want)) {
    demandBits(`${where}: a read of the view ${name}`, await scope.read(arrangement.views[name]!), values);
  }
}

/** Returns the operands of T, without Λ where `lambda` is false. */
export function operands(problem: Problem, lambda = true): Record<string, Part> {
  const shape = shapesOf(problem.sizes);
  return {
    ...(lambda && { diag: { shape: shape.diag, data: problem.diag } }),
    q: { shape: shape.factor, data: problem.q },
    k: { shape: shape.factor, data: problem.k },
    ...(problem.decay && { decay: { shape: decayShapeOf(problem), data: problem.decay } }),
  };
}

export interface Drawn {
  readonly sizes: Sizes;
  readonly gates: Gates | undefined;
  readonly call: Call;
  readonly together: boolean;
  readonly inPlace: boolean;
  readonly seed: number;
}

export function anyDrawn(trial: Trial, kind: DecayKind, most: (sizes: Sizes) => Sizes): fc.Arbitrary<Drawn> {
  return fc.record({
    sizes: anySizes(budgetFor(atMost(trial.plan, 150), kind)).map(most),
    gates: anyGates(kind),
    call: anyCall(),
    together: fc.boolean(),
    inPlace: fc.boolean(),
    seed: fc.nat(),
  });
}

export function sayDrawn(problem: Problem, { call, together, inPlace }: Drawn): string {
  const how = [sayCall(call), together ? "one buffer" : "", inPlace ? "in place" : ""].filter(Boolean);
  return [nameOf(problem), ...how].join("; ");
}
