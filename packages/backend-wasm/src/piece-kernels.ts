import type { CausalConvParams, CausalConvVjpParams, GatedNormParams } from "@dlrt/core/backend";
import type { Engine } from "./engine.js";
import { Kernel, type JobFields } from "./job.js";
import { share } from "./plan.js";
import type { WasmTensor } from "./tensor.js";

type T = WasmTensor;

/** Columns of a convolution that are worked on at a time: what is staged of them stays in the first-level cache. */
const CONV_COLUMNS = 64;
/** About as many operations as the activation of a number takes. */
const ACTIVATION_FLOPS = 50;

export function runCausalConv(engine: Engine, params: CausalConvParams<T>): void {
  const { finalState, out } = params;
  runConv(engine, params, 1, { kernel: Kernel.causalConv, finalState, out });
}

export function runCausalConvVjp(engine: Engine, params: CausalConvVjpParams<T>): void {
  const { cotangent, finalStateCotangent, gradients } = params;
  runConv(engine, params, 3, {
    kernel: Kernel.causalConvVjp,
    out: cotangent,
    finalState: finalStateCotangent,
    valueGradient: gradients.x,
    writeGradient: gradients.weight,
    eraseGradient: gradients.bias,
    initialStateGradient: gradients.initialState,
  });
}

/** @param products convolutions that the kernel comes to */
function runConv(
  engine: Engine,
  params: CausalConvVjpParams<T> | CausalConvParams<T>,
  products: number,
  own: JobFields,
): void {
  const { batch, n, p, taps, activation, x, weight, bias, initialState } = params;
  const segments = Math.ceil(p / CONV_COLUMNS);
  const flops = batch * n * p * (2 * products * taps + ACTIVATION_FLOPS);
  const segment = share(engine.threads, batch * segments, flops);
  engine.run(Math.ceil((batch * segments) / segment), {
    ...own,
    batch,
    n,
    r: taps,
    p,
    chunk: CONV_COLUMNS,
    silu: activation === "silu" ? 1 : 0,
    segments,
    segment,
    x,
    write: weight,
    erase: bias,
    initialState,
  });
}

export function runGatedNorm(engine: Engine, params: GatedNormParams<T>): void {
  const { batch, n, p, eps, activation, x, gate, weight, cotangent, gradients } = params;
  const rows = batch * n;
  const segment = share(engine.threads, rows, rows * p * ACTIVATION_FLOPS);
  engine.run(Math.ceil(rows / segment), {
    kernel: cotangent ? Kernel.gatedNormVjp : Kernel.gatedNorm,
    eps,
    batch,
    n,
    p,
    silu: activation === "silu" ? 1 : 0,
    segment,
    x,
    erase: gate,
    write: weight,
    out: cotangent ?? params.out!,
    valueGradient: gradients?.x,
    eraseGradient: gradients?.gate,
    writeGradient: gradients?.weightTerms,
  });
}
