import type { Backend, Tensor } from "@dlrt/core";
import { overlap, runPiece } from "@dlrt/core/backend";
import type { LayerResult } from "../engine/options.js";
import { clearRows } from "../engine/spans.js";
import { withScope, type Scope } from "../engine/scope.js";
import { checkConv, type ConvCall } from "./causal-conv-check.js";
import type { CausalConvInputs, CausalConvOptions } from "./causal-conv-options.js";
import { entryOf, tokensFirstShape, convOperands, tokensOf } from "./causal-conv-operands.js";

/**
 * Computes the causal convolution of each channel over tokens, y_t = bias + Σ_j weight_j x_{t−k+1+j} for j from 0 to k − 1, and its
 * activation: what query, key and value go through before a layer. The state by which a sequence is cut into pieces is that of ONNX's
 * CausalConvWithState (opset 27), k − 1 tokens.
 * @returns `output`, shaped as x, and where asked `finalState`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function causalConv<T extends Tensor>(
  backend: Backend<T>,
  inputs: CausalConvInputs<T>,
  options: CausalConvOptions<T> = {},
): Omit<LayerResult<T>, "kept"> {
  const call = checkConv(backend, inputs, options, "causalConv");
  return withScope(backend, call.x.dtype, (scope) => {
    const { finalState: asked, channelsFirst } = call;
    const output = scope.empty(call.x.shape);
    const final = asked === true ? scope.empty(call.stateShape) : asked === false ? undefined : asked;
    // The kernel cannot write the final state where the caller has another layout, a view by heads, or the initial state: it is copied then.
    const same = final && call.initialState && overlap(final, call.initialState);
    const direct = final !== undefined && !channelsFirst && !same && final.layout.heads === 1;
    const states = direct ? final : final && scope.empty(tokensFirstShape(call.stateShape, call));
    const rows = channelsFirst ? scope.empty(tokensFirstShape(call.x.shape, call)) : output;
    run(scope, call, rows, states);
    clearRows(scope, { tensor: rows, heads: 1, width: call.channels }, call.padding, 1);
    if (rows !== output) scope.copy(rows, output, { trans: true });
    if (final !== undefined && states !== final) scope.copy(states!, final, { trans: channelsFirst });
    const result = { output: scope.release(output) };
    return final === undefined ? result : { ...result, finalState: scope.release(final) };
  });
}

function run<T extends Tensor>(
  scope: Scope<T>,
  call: ConvCall<T>,
  output: T,
  finalState: T | undefined,
): void {
  const { channels, taps, activation } = call;
  const { x, weight, bias, initialState } = convOperands(scope, call);
  for (const span of call.spans) {
    const state = (t: T | undefined): T | undefined =>
      t && taps > 1 ? entryOf(scope.backend, t, span) : undefined;
    if (span.batch * span.rows * channels === 0) keepState(scope, state(initialState), state(finalState));
    else
      runPiece(scope.backend, "causalConv", {
        ...{ batch: span.batch, n: span.rows, p: channels, taps, activation },
        x: tokensOf(scope.backend, x, span),
        weight: weight(span),
        bias: bias(span),
        initialState: state(initialState),
        finalState: state(finalState),
        out: tokensOf(scope.backend, output, span),
      });
  }
}

/** Writes the final state of a sequence without tokens, which is its initial state. */
function keepState<T extends Tensor>(scope: Scope<T>, initial: T | undefined, final: T | undefined): void {
  if (final) scope.copy(initial ?? scope.repeated(0, final.shape), final);
}
