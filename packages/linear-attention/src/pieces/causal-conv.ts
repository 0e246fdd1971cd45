import type { Backend, Tensor } from "@dlrt/core";
import { overlap, runPiece } from "@dlrt/core/backend";
import type { LayerResult } from "../engine/options.js";
import { clearRows } from "../engine/pieces.js";
import { withScope, type Scope } from "../engine/scope.js";
import { checkConv, type ConvCall } from "./causal-conv-check.js";
import type { CausalConvInputs, CausalConvOptions } from "./causal-conv-options.js";
import { entryOf, inRows, operandsOf, tokensOf } from "./causal-conv-operands.js";

/**
 * Each channel's causal convolution over tokens, y_t = bias + Σ_j weight_j x_{t−k+1+j}, and its activation: what query, key and value go
 * through before a layer. The state that chains pieces of a sequence is that of ONNX's CausalConvWithState (opset 27), k − 1 tokens.
 * @returns `output`, shaped as x, and the final state where asked; the caller's to dispose
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
    // Where the caller's final state has another layout, is a view by heads, or is the initial state, it is copied at the end.
    const same = final && call.initialState && overlap(final, call.initialState);
    const direct = final !== undefined && !channelsFirst && !same && final.layout.heads === 1;
    const states = direct ? final : final && scope.empty(inRows(call.stateShape, call));
    const rows = channelsFirst ? scope.empty(inRows(call.x.shape, call)) : output;
    run(scope, call, rows, states);
    clearRows(scope, { tensor: rows, heads: 1, width: call.channels }, call.padding, 1);
    if (rows !== output) scope.copy(rows, output, { trans: true });
    if (final !== undefined && states !== final) scope.copy(states!, final, { trans: channelsFirst });
    const result = { output: scope.keep(output) };
    return final === undefined ? result : { ...result, finalState: scope.keep(final) };
  });
}

function run<T extends Tensor>(
  scope: Scope<T>,
  call: ConvCall<T>,
  output: T,
  finalState: T | undefined,
): void {
  const { channels, taps, activation } = call;
  const { x, weight, bias, initialState } = operandsOf(scope, call);
  for (const piece of call.pieces) {
    const state = (t: T | undefined): T | undefined =>
      t && taps > 1 ? entryOf(scope.backend, t, piece) : undefined;
    if (piece.batch * piece.rows * channels === 0) keepState(scope, state(initialState), state(finalState));
    else
      runPiece(scope.backend, "causalConv", {
        ...{ batch: piece.batch, n: piece.rows, p: channels, taps, activation },
        x: tokensOf(scope.backend, x, piece),
        weight: weight(piece),
        bias: bias(piece),
        initialState: state(initialState),
        finalState: state(finalState),
        out: tokensOf(scope.backend, output, piece),
      });
  }
}

/** What a sequence without tokens leaves. */
function keepState<T extends Tensor>(scope: Scope<T>, initial: T | undefined, final: T | undefined): void {
  if (final) scope.copy(initial ?? scope.repeated(0, final.shape), final);
}
