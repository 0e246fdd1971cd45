import type {
  ApplyParams,
  CopyParams,
  DecayVjpParams,
  InverseParams,
  Kernels,
  RowDotParams,
  SolveParams,
  TrilInverseParams,
} from "@dlrt/core/backend";
import { decayOf, runDeltaRule, runDeltaRuleVjp } from "./delta-kernels.js";
import type { Engine } from "./engine.js";
import { Decay, Kernel } from "./job.js";
import { inverseChunk, segmentsFor, share, stepPlan, sweepChunk, sweepPlan } from "./plan.js";
import { runCausalConv, runCausalConvVjp, runGatedNorm } from "./piece-kernels.js";
import type { WasmTensor } from "./tensor.js";

type T = WasmTensor;

/** The kernels of a backend. Each makes its call a job: what it reads and writes, and into how many items it is cut. */
export function wasmKernels(engine: Engine): Kernels<T> {
  return {
    solve: (params) => runSweep(engine, Kernel.solve, params.b, params, "rank"),
    apply: (params) => runSweep(engine, Kernel.apply, params.x, params, params.decayOn),
    inverse: (params) => runInverse(engine, params),
    trilInverse: (params) => runTrilInverse(engine, params),
    rowDot: (params) => runRowDot(engine, params),
    copy: (params) => runCopy(engine, params),
    decayVjp: (params) => runDecayVjp(engine, params),
    deltaRule: (params) => runDeltaRule(engine, params),
    deltaRuleVjp: (params) => runDeltaRuleVjp(engine, params),
    causalConv: (params) => runCausalConv(engine, params),
    causalConvVjp: (params) => runCausalConvVjp(engine, params),
    gatedNorm: (params) => runGatedNorm(engine, params),
  };
}

function runSweep(
  engine: Engine,
  kernel: typeof Kernel.solve | typeof Kernel.apply,
  x: T,
  params: SolveParams<T> | ApplyParams<T>,
  decayOn: "rank" | "columns",
): void {
  const { batch, n, r, p, alpha, trans, op, out, initialState, finalState } = params;
  const { diag, q, k, decay } = op;
  const decayKind = decayOf(op, decayOn);
  const chunk = sweepChunk(r, p, decayKind, params.chunk);
  const solves = kernel === Kernel.solve;
  const step = decayKind === Decay.columns ? undefined : stepPlan(engine.threads, params, out.dtype);
  const { segment, segments } = step ?? sweepPlan(engine.threads, params, out.dtype);
  engine.run(batch * segments, {
    kernel: step ? (solves ? Kernel.solveStep : Kernel.applyStep) : kernel,
    alpha,
    batch,
    n,
    r,
    p,
    chunk,
    trans,
    decayKind,
    segments,
    segment,
    diag,
    q,
    k,
    decay,
    x,
    out,
    initialState,
    finalState,
  });
}

function runInverse(engine: Engine, { batch, n, r, op, out, chunk }: InverseParams<T>): void {
  const { diag, q, k, decay } = op;
  const segments = segmentsFor(engine.threads, batch, Math.ceil(n / 64), batch * n * n * r);
  engine.run(batch * segments, {
    kernel: Kernel.inverse,
    batch,
    n,
    r,
    p: n,
    decayKind: decayOf(op, "rank"),
    segments,
    chunk: inverseChunk(n, chunk),
    diag,
    q,
    k,
    decay,
    out,
  });
}

function runTrilInverse(engine: Engine, { batch, c, a, out }: TrilInverseParams<T>): void {
  const segment = share(engine.threads, batch, batch * c * c * c);
  engine.run(Math.ceil(batch / segment), { kernel: Kernel.trilInverse, n: c, batch, segment, x: a, out });
}

function runRowDot(engine: Engine, { batch, n, p, alpha, x, y, out }: RowDotParams<T>): void {
  const rows = batch * n;
  const segment = share(engine.threads, rows, 2 * rows * p);
  engine.run(Math.ceil(rows / segment), { kernel: Kernel.rowDot, alpha, batch, n, p, segment, x, y, out });
}

function runCopy(engine: Engine, { batch, rows, cols, alpha, trans, x, out }: CopyParams<T>): void {
  const all = batch * rows;
  const segment = share(engine.threads, all, all * cols);
  engine.run(Math.ceil(all / segment), {
    kernel: Kernel.copy,
    alpha,
    batch,
    n: rows,
    p: cols,
    trans,
    segment,
    x,
    out,
  });
}

function runDecayVjp(engine: Engine, params: DecayVjpParams<T>): void {
  const { batch, n, r, trans, decay, q, k, qGradient, kGradient, start, out } = params;
  const channels = decay.shape[2];
  const pairs = Math.ceil(channels / 2);
  const wanted = segmentsFor(engine.threads, batch, pairs, 4 * batch * n * r);
  const segment = Math.ceil(pairs / wanted) * 2;
  const segments = Math.ceil(channels / segment);
  engine.run(batch * segments, {
    kernel: Kernel.decayVjp,
    batch,
    n,
    r,
    p: channels,
    trans,
    segments,
    segment,
    decay,
    q,
    k,
    x: qGradient,
    y: kGradient,
    initialState: start,
    out,
  });
}
