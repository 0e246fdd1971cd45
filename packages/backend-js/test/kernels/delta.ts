import type { Dtype, HostTensor, Shape } from "@dlrt/core";
import type { DeltaRuleInputs, DeltaRuleVjpParams } from "@dlrt/core/backend";
import * as plain from "./plain-delta.js";
import { deltaRuleVjpWithin } from "../../src/kernels/delta-rule-vjp.js";
import { jsKernels } from "../../src/kernels/index.js";
import { tensor } from "./problems.js";
import { randomFrom } from "../../../../tooling/random.mjs";

type Name = keyof DeltaRuleInputs;

export interface DeltaProblem {
  readonly sizes: readonly [batch: number, n: number, r: number, p: number];
  readonly decay?: "row" | "channel" | undefined;
  /**
   * How P and the right-hand side are gated: both by one β, or each by a gate of its own, of one column or of as many
   * columns as it has itself.
   */
  readonly gates?: "beta" | "two" | "columns";
  /** Whether the erase key is another than the key. */
  readonly eraseKey?: boolean;
  readonly eps?: number;
  readonly states?: boolean;
  readonly chunk?: number | undefined;
  /** Functions that replace the random elements of some inputs. They are given an element's index within its array. */
  readonly data?: { readonly [name in Name]?: (index: number, shape: Shape) => number };
}

/**
 * Makes the inputs and cotangents of a problem. They are random unless `data` gives them, and are numbers of `dtype`,
 * in tensors of the dtype `as`.
 */
export function deltaProblem(problem: DeltaProblem, dtype: Dtype, as: Dtype = dtype) {
  const { sizes, decay, gates = "beta", eraseKey, eps, states = true, chunk, data = {} } = problem;
  const [batch, n, r, p] = sizes;
  const random = randomFrom(7 + n + 31 * r + 101 * p);
  const rounded = (x: number) => (dtype === "f32" ? Math.fround(x) : x);
  const make = (name: Name | undefined, shape: Shape, own: () => number): HostTensor => {
    const given = name && data[name];
    return tensor(shape, as, (at) => rounded(given ? given(at, shape) : own()));
  };
  const unit = Math.sqrt(3 / Math.max(1, r));
  const gate = () => (1 + random()) / 2;
  const inputs: { [name in Name]?: HostTensor } & Pick<
    Required<DeltaRuleInputs<HostTensor>>,
    "query" | "key" | "value" | "erase"
  > = {
    query: make("query", [batch, n, r], random),
    key: make("key", [batch, n, r], () => unit * random()),
    value: make("value", [batch, n, p], random),
    erase: make("erase", [batch, n, gates === "columns" ? r : 1], gate),
  };
  if (gates !== "beta") inputs.write = make("write", [batch, n, gates === "columns" ? p : 1], gate);
  if (eraseKey) inputs.eraseKey = make("eraseKey", [batch, n, r], () => unit * random());
  if (decay) inputs.decay = make("decay", [batch, n, decay === "row" ? 1 : r], () => -0.5 * (1 + random()));
  if (states) inputs.initialState = make("initialState", [batch, r, p], random);
  const call = { batch, n, r, p, scale: 0.375, eps, chunk, ...inputs };
  const outCotangent = make(undefined, [batch, n, p], random);
  const finalStateCotangent = states ? make(undefined, [batch, r, p], random) : undefined;
  return { call, inputs, cotangents: { outCotangent, finalStateCotangent } };
}

/** Runs a forward call and its gradient, and returns all that they wrote, by name. Results hold NaN before. */
export function deltaResults(
  kernels: Pick<typeof plain, "deltaRule" | "deltaRuleVjp">,
  { call, inputs, cotangents }: ReturnType<typeof deltaProblem>,
): Record<string, HostTensor> {
  const { batch, n, r, p } = call;
  const { dtype } = call.query;
  const out = tensor([batch, n, p], dtype);
  const finalState = tensor([batch, r, p], dtype);
  kernels.deltaRule({ ...call, out, finalState });
  const gradients: { [name in Name]?: HostTensor } = {};
  for (const [name, t] of Object.entries(inputs)) gradients[name as Name] = tensor(t!.shape, dtype);
  kernels.deltaRuleVjp({ ...call, ...cotangents, gradients });
  const bars = Object.entries(gradients).map(([name, t]) => [`${name} gradient`, t] as const);
  return { out, finalState, ...Object.fromEntries(bars) };
}

export const ownKernels = {
  deltaRule: jsKernels.deltaRule!,
  deltaRuleVjp: jsKernels.deltaRuleVjp!,
};

/** Returns kernels whose gradient has room for so many bytes of states. */
export const within = (bytes: number) => ({
  ...ownKernels,
  deltaRuleVjp: (params: DeltaRuleVjpParams<HostTensor>) => deltaRuleVjpWithin(params, bytes),
});

/**
 * Returns kernels whose gradient is given what the forward call kept, and has room for so many bytes of states. What is
 * kept holds NaN before.
 */
export function keeping(bytes: number = Infinity): typeof ownKernels {
  let kept: HostTensor | undefined;
  return {
    deltaRule: (params) => {
      kept = tensor([params.batch, params.n, params.p], params.query.dtype);
      ownKernels.deltaRule({ ...params, kept });
    },
    deltaRuleVjp: (params) => deltaRuleVjpWithin({ ...params, kept }, bytes),
  };
}

/** Returns the largest |q q̄| + |k k̄| + |p p̄|, summed over a row: the gradient of a decay is a sum of differences of such terms. */
function gapTerms({ call }: ReturnType<typeof deltaProblem>, results: Record<string, HostTensor>): number {
  const { query, key, eraseKey, r } = call;
  let largest = 0;
  for (let from = 0; from < query.data.length; from += r) {
    let sum = 0;
    for (let at = from; at < from + r; at++) {
      sum += Math.abs(query.data[at]! * results["query gradient"]!.data[at]!);
      sum += Math.abs(key.data[at]! * results["key gradient"]!.data[at]!);
      if (eraseKey) sum += Math.abs(eraseKey.data[at]! * results["eraseKey gradient"]!.data[at]!);
    }
    largest = Math.max(largest, sum);
  }
  return largest;
}

interface Expected {
  readonly expected: Record<string, HostTensor>;
  readonly terms: number;
}

/** Holds what was expected of a problem before, by its dtype: the recurrence is slow, and several ways to compute are held to one. */
const known = new WeakMap<DeltaProblem, Partial<Record<Dtype, Expected>>>();

/** Computes a problem, whose numbers are those of `dtype`, by the recurrence in float64. */
function expectedOf(problem: DeltaProblem, dtype: Dtype): Expected {
  const before = known.get(problem)?.[dtype];
  if (before) return before;
  const exact = deltaProblem(problem, dtype, "f64");
  const expected = deltaResults(plain, exact);
  const result = { expected, terms: gapTerms(exact, expected) };
  known.set(problem, { ...known.get(problem), [dtype]: result });
  return result;
}

/**
 * Returns the largest error of each result, divided by the largest element that the recurrence in float64 has for it.
 * The error of the decay's gradient is divided by the terms of its sums: behind a strong decay it is a small difference
 * of large numbers.
 */
export function deltaErrors(
  problem: DeltaProblem,
  dtype: Dtype,
  kernels: typeof ownKernels = ownKernels,
): Record<string, number> {
  const got = deltaResults(kernels, deltaProblem(problem, dtype));
  const { expected, terms } = expectedOf(problem, dtype);
  const errors: Record<string, number> = {};
  for (const [name, t] of Object.entries(expected)) {
    let [difference, size] = [0, name === "decay gradient" ? terms : 0];
    t.data.forEach((x, at) => {
      const d = Math.abs(x - got[name]!.data[at]!);
      if (!(d <= difference)) difference = Number.isNaN(d) ? Infinity : d;
      size = Math.max(size, Math.abs(x));
    });
    errors[name] = difference / (size || 1);
  }
  return errors;
}
