import type {
  ApplyParams,
  Dtype,
  InverseParams,
  Kernels,
  RowDotParams,
  SolveParams,
  TrilInverseParams,
} from "@dlrt/core";
import type { Engine } from "./engine.js";
import { kernelNumber } from "./job.js";
import { cachedPanels, inverseChunk, panelColumns, segmentsFor, share, sweepChunk } from "./plan.js";
import type { WasmTensor } from "./tensor.js";

type T = WasmTensor;

/** Each kernel as a job: what it reads and writes, and into how many items it is cut. */
export function wasmKernels(engine: Engine): Kernels<T> {
  const sweep = (kernel: "solve" | "apply", rhs: T, params: SolveParams<T> | ApplyParams<T>): void =>
    runSweep(engine, kernel, rhs, params);
  return {
    solve: (params) => sweep("solve", params.b, params),
    apply: (params) => sweep("apply", params.x, params),
    inverse: (params) => runInverse(engine, params),
    trilInverse: (params) => runTrilInverse(engine, params),
    rowDot: (params) => runRowDot(engine, params),
  };
}

const isWide = (dtype: Dtype): boolean => dtype === "f64";

function runSweep(
  engine: Engine,
  kernel: "solve" | "apply",
  rhs: T,
  params: SolveParams<T> | ApplyParams<T>,
): void {
  const { batch, n, r, p, alpha, trans, diag, q, k, out, state, finalState } = params;
  const chunk = sweepChunk(r, p, params.chunk);
  const width = panelColumns[out.dtype];
  const panels = Math.ceil(p / width);
  const shared = segmentsFor(engine.threads, batch, panels, 4 * batch * n * r * p);
  const wanted = shared * Math.ceil(panels / (shared * cachedPanels(r)));
  const segment = Math.ceil(panels / wanted) * width;
  const segments = Math.ceil(p / segment);
  engine.run(batch * segments, {
    kernel: kernelNumber[kernel],
    wide: isWide(out.dtype),
    alpha,
    n,
    r,
    p,
    chunk,
    trans,
    segments,
    segment,
    diag: diag?.byteOffset ?? 0,
    q: q.byteOffset,
    k: k.byteOffset,
    x: rhs.byteOffset,
    out: out.byteOffset,
    state: state?.byteOffset ?? 0,
    finalState: finalState?.byteOffset ?? 0,
  });
}

function runInverse(engine: Engine, { batch, n, r, diag, q, k, out, chunk }: InverseParams<T>): void {
  const segments = segmentsFor(engine.threads, batch, Math.ceil(n / 64), batch * n * n * r);
  engine.run(batch * segments, {
    kernel: kernelNumber.inverse,
    wide: isWide(out.dtype),
    n,
    r,
    p: n,
    segments,
    chunk: inverseChunk(n, chunk),
    diag: diag.byteOffset,
    q: q.byteOffset,
    k: k.byteOffset,
    out: out.byteOffset,
  });
}

function runTrilInverse(engine: Engine, { batch, c, a, out }: TrilInverseParams<T>): void {
  const segment = share(engine.threads, batch, batch * c * c * c);
  engine.run(Math.ceil(batch / segment), {
    kernel: kernelNumber.trilInverse,
    wide: isWide(out.dtype),
    n: c,
    batch,
    segment,
    x: a.byteOffset,
    out: out.byteOffset,
  });
}

function runRowDot(engine: Engine, { batch, n, p, alpha, x, y, out }: RowDotParams<T>): void {
  const rows = batch * n;
  const segment = share(engine.threads, rows, 2 * rows * p);
  engine.run(Math.ceil(rows / segment), {
    kernel: kernelNumber.rowDot,
    wide: isWide(out.dtype),
    alpha,
    n: rows,
    p,
    segment,
    x: x.byteOffset,
    y: y.byteOffset,
    out: out.byteOffset,
  });
}
