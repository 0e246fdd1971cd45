import { ShapeError, ValueError, type Backend, type Shape, type Tensor } from "@dlrt/core";
import { checkAliases, checkOptions, checkPiece, describe } from "@dlrt/core/backend";
import { checkSized } from "../engine/check-options.js";
import { checkSpans, paddingOf } from "../engine/spans.js";
import type { Span } from "../engine/packed.js";
import { checkFirst, checkPacked } from "./check.js";
import type { CausalConvCotangents, CausalConvInputs, CausalConvOptions } from "./causal-conv-options.js";

/** A convolution's call whose arguments all fit. */
export interface ConvCall<T extends Tensor> extends CausalConvInputs<T> {
  /** B */
  readonly batch: number;
  /** T */
  readonly tokens: number;
  /** C */
  readonly channels: number;
  /** k */
  readonly taps: number;
  readonly activation: "none" | "silu";
  /** Whether the caller's x, results and states have the channels as rows, [B, C, T]. */
  readonly channelsFirst: boolean;
  /** The tokens that count. */
  readonly spans: readonly Span[];
  /** The padded rows, which are in no span. */
  readonly padding: readonly Span[];
  /** The shape of the caller's states. */
  readonly stateShape: Shape;
  readonly initialState: T | undefined;
  readonly finalState: boolean | T;
}

const names = ["activation", "layout", "initialState", "finalState", "sequences", "padding"];

/**
 * Checks a convolution's call before anything is allocated or written.
 * @param kernel is the kernel that is to compute it
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, which name the argument at fault
 */
export function checkConv<T extends Tensor>(
  backend: Backend<T>,
  inputs: CausalConvInputs<T>,
  options: CausalConvOptions<T>,
  kernel: "causalConv" | "causalConvVjp",
): ConvCall<T> {
  const x = checkFirst(backend, inputs, ["x", "weight", "bias"]);
  checkOptions("options", options, names);
  const { activation = "none", layout = "btc", initialState, finalState = false, sequences } = options;
  if (layout !== "btc" && layout !== "bct")
    throw new ValueError("layout", '"btc" or "bct"', describe(layout));
  if (activation !== "none" && activation !== "silu" && activation !== "swish")
    throw new ValueError("activation", '"none", "silu" or "swish"', describe(activation));
  const channelsFirst = layout === "bct";
  const [batch, tokens, channels] = channelsFirst ? [x.shape[0], x.shape[2], x.shape[1]] : x.shape;
  const { weight, bias } = inputs;
  const taps = weight?.shape?.[2] ?? 1;
  checkPacked(backend, "weight", weight, [channels, 1, taps], x);
  if (taps === 0) throw new ShapeError("weight", "one tap or more", "none");
  if (bias !== undefined) checkPacked(backend, "bias", bias, [1, 1, channels], x);
  const spans = checkSpans(options, batch, tokens);
  const padding = options.padding ? paddingOf(spans, tokens) : [];
  const count = sequences ? spans.length : batch;
  const stateShape: Shape = channelsFirst ? [count, channels, taps - 1] : [count, taps - 1, channels];
  if (initialState !== undefined) checkSized(backend, "initialState", initialState, stateShape, x.dtype);
  if (typeof finalState !== "boolean") {
    checkSized(backend, "finalState", finalState, stateShape, x.dtype);
    const among = ["finalState", "x", "weight", "bias", "initialState"];
    const tensors = [finalState, x, weight, bias, initialState];
    checkAliases(among, tensors, 1, ["finalState=initialState"]);
  }
  checkPiece(backend, kernel, x);
  return {
    ...{ x, weight, bias, batch, tokens, channels, taps, channelsFirst, spans, padding, stateShape },
    ...{ initialState, finalState, activation: activation === "none" ? "none" : "silu" },
  };
}

/** Checks the cotangents of a convolution's results. @throws ShapeError, DtypeError, ValueError, DisposedError */
export function checkConvCotangents<T extends Tensor>(
  backend: Backend<T>,
  cotangents: CausalConvCotangents<T>,
  { x, stateShape }: ConvCall<T>,
): void {
  if (cotangents === undefined) throw new ValueError("cotangents", "{ output, finalState }", "undefined");
  checkOptions("cotangents", cotangents, ["output", "finalState"]);
  const { output, finalState } = cotangents;
  if (output !== undefined) checkPacked(backend, "cotangents.output", output, x.shape, x);
  if (finalState !== undefined) checkSized(backend, "cotangents.finalState", finalState, stateShape, x.dtype);
}
