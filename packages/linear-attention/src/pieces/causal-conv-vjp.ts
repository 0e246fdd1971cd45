import type { Backend, Tensor } from "@dlrt/core";
import { runPiece } from "@dlrt/core/backend";
import { sumTokens } from "../engine/elementwise.js";
import { clearRows } from "../engine/spans.js";
import { withScope, type Scope } from "../engine/scope.js";
import { checkConv, checkConvCotangents, type ConvCall } from "./causal-conv-check.js";
import {
  asMatrix,
  entryOf,
  tokensFirstShape,
  tokensFirst,
  convOperands,
  tokensOf,
} from "./causal-conv-operands.js";
import type { CausalConvCotangents, CausalConvInputs, CausalConvOptions } from "./causal-conv-options.js";
import type { PieceGradients } from "./check.js";

/** The gradients as the kernel gives them: each sequence has gradients of the parameters by itself. */
interface Raw<T extends Tensor> {
  /** [B, T, C] */
  readonly x: T;
  /** [N, k, C] */
  readonly weight: T;
  /** [N, 1, C] */
  readonly bias: T | undefined;
  /** [N, k − 1, C] */
  readonly initialState: T | undefined;
}

/**
 * Computes the gradients of `causalConv` for every input that was given, and for the initial state where there is one. The sums before
 * the activation are computed once more.
 * @param options are those of the forward call, whose `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `causalConv`
 */
export function causalConvVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: CausalConvInputs<T>,
  cotangents: CausalConvCotangents<T>,
  options: CausalConvOptions<T> = {},
): PieceGradients<CausalConvInputs<T>> & { readonly initialState?: T } {
  const call = checkConv(backend, inputs, options, "causalConvVjp");
  checkConvCotangents(backend, cotangents, call);
  return withScope(backend, call.x.dtype, (scope) => {
    const raw = run(scope, call, cotangents);
    clearRows(scope, { tensor: raw.x, heads: 1, width: call.channels }, call.padding, 1);
    const turned = (t: T): T =>
      call.channelsFirst ? scope.copy(t, scope.empty(tokensFirstShape(t.shape, call)), { trans: true }) : t;
    const gradients = {
      x: turned(raw.x),
      weight: weightGradient(scope, raw.weight),
      ...(raw.bias && { bias: overSequences(scope, raw.bias) }),
      ...(raw.initialState && { initialState: turned(raw.initialState) }),
    };
    for (const gradient of Object.values(gradients)) scope.release(gradient);
    return gradients;
  });
}

function run<T extends Tensor>(
  scope: Scope<T>,
  call: ConvCall<T>,
  cotangents: CausalConvCotangents<T>,
): Raw<T> {
  const { backend } = scope;
  const { channels, taps, activation, stateShape, spans } = call;
  const { x, weight, bias, initialState } = convOperands(scope, call);
  const output = cotangents.output && tokensFirst(scope, cotangents.output, call);
  const cotangent = output ?? scope.full(0, x.shape);
  const final = cotangents.finalState && tokensFirst(scope, cotangents.finalState, call);
  const idle = spans.some(({ batch, rows }) => batch * rows * channels === 0);
  // The kernel is not called for a sequence without tokens, which adds nothing to the parameters' gradients: they begin as zeros then.
  const perSequence = (rows: number): T =>
    idle ? scope.full(0, [stateShape[0], rows, channels]) : scope.empty([stateShape[0], rows, channels]);
  const raw = {
    x: scope.empty(x.shape),
    weight: perSequence(taps),
    bias: call.bias && perSequence(1),
    initialState: initialState && scope.empty(initialState.shape),
  };
  for (const span of spans) {
    const state = (t: T | undefined): T | undefined =>
      t && taps > 1 ? entryOf(backend, t, span) : undefined;
    if (span.batch * span.rows * channels === 0) {
      const into = state(raw.initialState);
      if (into) scope.copy(state(final) ?? scope.repeated(0, into.shape), into);
      continue;
    }
    runPiece(backend, "causalConvVjp", {
      ...{ batch: span.batch, n: span.rows, p: channels, taps, activation },
      x: tokensOf(backend, x, span),
      weight: weight(span),
      bias: bias(span),
      initialState: state(initialState),
      cotangent: tokensOf(backend, cotangent, span),
      finalStateCotangent: state(final),
      gradients: {
        x: tokensOf(backend, raw.x, span),
        weight: entryOf(backend, raw.weight, span),
        bias: raw.bias && entryOf(backend, raw.bias, span),
        initialState: state(raw.initialState),
      },
    });
  }
  return raw;
}

/** Adds the weights' gradients of all sequences up, and turns the sum, [k, C], into [C, 1, k]. */
function weightGradient<T extends Tensor>(scope: Scope<T>, each: T): T {
  const [, taps, channels] = each.shape;
  const whole = scope.backend.view(overSequences(scope, each), [1, taps, channels], {
    ...{ offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: channels },
  });
  const result = scope.empty([channels, 1, taps]);
  scope.copy(whole, asMatrix(scope.backend, result), { trans: true });
  return result;
}

/** Adds the gradients of all sequences up: [N, rows, cols] becomes [1, 1, rows·cols]. */
function overSequences<T extends Tensor>(scope: Scope<T>, each: T): T {
  const [count, rows, cols] = each.shape;
  const width = rows * cols;
  const layout = { offset: 0, heads: 1, shared: 1, batch: count * width, head: 0, row: width };
  const tensor = scope.backend.view(each, [1, count, width], layout);
  return sumTokens(scope, { tensor, heads: 1, width }).tensor;
}
