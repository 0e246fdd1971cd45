import { UnsupportedError, ValueError, type PrepareParams, type Shape, type Supports } from "@dlrt/core";
import {
  checkCount,
  checkFlag,
  checkOptions,
  contiguousLayout,
  describe,
  type Kernels,
} from "@dlrt/core/backend";
import { shaderCode } from "./generated/shaders.js";
import type { Commands, Context } from "./kernels/context.js";
import { kernelsOf } from "./kernels/index.js";
import type { Plan } from "./kernels/plan.js";
import type { Constants, Pipelines } from "./pipelines.js";
import { PIECES, rehearsePiece } from "./prepare-pieces.js";
import type { GpuTensor } from "./tensor.js";

const KERNELS: readonly string[] = [
  "apply",
  "solve",
  "inverse",
  "trilInverse",
  "rowDot",
  "copy",
  "decayVjp",
  "deltaRule",
  "deltaRuleVjp",
  ...PIECES,
];
const DECAYS: readonly unknown[] = [undefined, "none", "row", "channel"];
const SIZES = ["batch", "n", "r", "p"] as const;

/** @throws ValueError, UnsupportedError (dtype) */
export function checkPrepare(p: PrepareParams, supports: Supports): void {
  if (p === undefined) throw new ValueError("prepare", "an object with options", "undefined");
  checkOptions("prepare", p, ["kernel", ...SIZES, "dtype", "decay", "trans", "chunk"]);
  if (!KERNELS.includes(p.kernel)) {
    throw new ValueError("kernel", `one of ${KERNELS.join(", ")}`, describe(p.kernel));
  }
  for (const size of SIZES) checkCount(size, p[size], 0);
  if (p.chunk !== undefined) checkCount("chunk", p.chunk);
  if (!DECAYS.includes(p.decay)) {
    throw new ValueError("decay", "none, row or channel", describe(p.decay));
  }
  checkFlag("trans", p.trans);
  if (p.dtype !== undefined && !supports.dtypes.includes(p.dtype)) {
    throw new UnsupportedError("dtype", `one of ${supports.dtypes.join(", ")}`, describe(p.dtype));
  }
}

/** Calls kernels whose pipelines are to be compiled. */
export type Rehearsal = (kernels: Kernels<GpuTensor>) => void;

/** Compiles, in parallel, the pipelines that the rehearsal asks for. */
export async function preparePipelines(ctx: Context, pipelines: Pipelines, of: Rehearsal): Promise<void> {
  const needed: Promise<void>[] = [];
  rehearse(ctx, of, (plan, constants) => needed.push(pipelines.prepare(plan, constants)));
  await Promise.all(needed);
}

/**
 * Estimates how much of the rehearsal's pipelines remains to be compiled, as a fraction of 1. It counts the length of
 * the shaders, to which the time is about proportional.
 */
export function uncompiled(ctx: Context, pipelines: Pipelines, of: Rehearsal): number {
  let [missing, all] = [0, 0];
  rehearse(ctx, of, (plan, constants) => {
    const { length } = shaderCode[plan.shader];
    all += length;
    if (!pipelines.has(plan, constants)) missing += length;
  });
  return missing / all;
}

/** Runs kernels with a recorder that records nothing and only notes which pipelines they take. */
function rehearse(ctx: Context, of: Rehearsal, note: (plan: Plan, constants: Constants) => void): void {
  const scratch = {
    take: (): GPUBuffer => ctx.nothing.read.buffer,
    mark: () => 0,
    releaseTo: () => undefined,
  };
  const recorder: Commands = {
    scratch,
    dispatch: (plan, call) => note(plan, (call.constants ?? {}) as Constants),
    copy: () => undefined,
    clear: () => undefined,
  };
  const stream = { recorder, spent: (): void => undefined };
  of(kernelsOf({ ...ctx, stream }, (_, __, work) => work()));
}

/** Makes an object that stands in for a tensor in a rehearsal. */
export const standIn = (...shape: Shape): GpuTensor =>
  ({ shape, layout: contiguousLayout(shape), offset: 0, buffer: {} }) as unknown as GpuTensor;

/** Makes the arguments of a call with the sizes of `p`. */
export const callLike =
  (p: PrepareParams): Rehearsal =>
  (kernels) =>
    call(kernels, p);

function call(kernels: Kernels<GpuTensor>, p: PrepareParams): void {
  const { batch, n, r, trans = false } = p;
  const tensor = standIn;
  const [diag, q, k] = [tensor(batch, n, 1), tensor(batch, n, r), tensor(batch, n, r)];
  const decay = tensor(batch, n, p.decay === "channel" ? r : 1);
  const op = { diag, q, k, ...((p.decay ?? "none") !== "none" && { decay }) };
  const rhs = tensor(batch, n, p.p);
  const state = tensor(batch, r, p.p);
  const states = { initialState: state, finalState: state };
  const chunked = { ...p, ...states, op, alpha: 1, trans, out: tensor(batch, n, p.p) };
  const delta = { ...p, scale: 1, query: q, key: k, value: rhs, erase: diag, decay: op.decay };
  switch (p.kernel) {
    case "apply":
      kernels.apply({ ...chunked, x: rhs, decayOn: "rank" });
      break;
    case "solve":
      kernels.solve({ ...chunked, b: rhs });
      break;
    case "inverse":
      kernels.inverse({ ...p, op, out: tensor(batch, n, n) });
      break;
    case "trilInverse":
      kernels.trilInverse({ batch, c: n, a: tensor(batch, n, n), out: tensor(batch, n, n) });
      break;
    case "rowDot":
      kernels.rowDot({ batch, n, p: p.p, alpha: 1, x: rhs, y: rhs, out: tensor(batch, n, 1) });
      break;
    case "copy":
      kernels.copy({
        batch,
        rows: n,
        cols: p.p,
        alpha: 1,
        trans,
        x: trans ? tensor(batch, p.p, n) : rhs,
        out: chunked.out,
      });
      break;
    case "decayVjp": {
      const gradients = { qGradient: q, kGradient: k, start: tensor(batch, r, 1) };
      kernels.decayVjp({ batch, n, r, trans, decay, q, k, ...gradients, out: tensor(...decay.shape) });
      break;
    }
    case "deltaRule": {
      // The rehearsal covers keys as they are and normalised, and a state that is updated in place and one that is not.
      kernels.deltaRule?.({ ...delta, ...states, out: chunked.out });
      kernels.deltaRule?.({
        ...delta,
        initialState: state,
        finalState: tensor(batch, r, p.p),
        eps: 1,
        out: chunked.out,
      });
      break;
    }
    case "deltaRuleVjp": {
      const cotangents = { outCotangent: rhs, finalStateCotangent: state };
      const gradients = { query: q, key: k, value: rhs, erase: diag, decay: op.decay, initialState: state };
      for (const eps of [undefined, 1])
        kernels.deltaRuleVjp?.({ ...delta, initialState: state, eps, ...cotangents, gradients });
      break;
    }
    default:
      rehearsePiece(kernels, p, tensor);
  }
}
