/** Sequences that are cut into pieces, each of which hands its state to the next. For gradients the pieces go backward. */
import type { Tensor } from "@dlrt/core";
import type { Case, Scope, Trial } from "../../trial.js";
import { allLayers, type Layer } from "../definition.js";
import type { LayerData } from "../data.js";
import { affordable, HEADS, plainProblem } from "../design.js";
import { expectedResults, type ExpectedGradients } from "../expected.js";
import { outputShape, shapeOf, type LayerProblem } from "../problem.js";
import {
  optionsOf,
  putInputs,
  putState,
  readState,
  sliceInputs,
  stateShape,
  typed,
  type Answer,
} from "../run.js";
import { dtypes, judge, judgeGradients, layerCase } from "./shared.js";

/** Writes `part`, the rows `from` to `to` of each of `batch` sequences, into the whole, [batch, rows, cols]. */
function move(
  whole: Float64Array,
  [batch, rows, cols]: readonly [number, number, number],
  [from, to]: readonly [number, number],
  part: ArrayLike<number>,
): void {
  const size = (to - from) * cols;
  for (let b = 0; b < batch; b++)
    for (let at = 0; at < size; at++) whole[(b * rows + from) * cols + at] = part[b * size + at]!;
}

/** Returns the bounds of the pieces, from 0 to T. */
const pairs = (tokens: number, cuts: readonly number[]): (readonly [number, number])[] =>
  [...cuts, tokens].map((to, at) => [at === 0 ? 0 : cuts[at - 1]!, to] as const);

/** Runs the pieces. Each starts from the state of the one before, and writes its own final state over it. */
export async function runPieces(
  scope: Scope,
  problem: LayerProblem,
  { data, cuts }: { readonly data: LayerData; readonly cuts: readonly number[] },
  dtype: "f32" | "f64",
): Promise<Answer> {
  const { layer, tokens } = problem;
  const inputs = putInputs(scope, problem, data, dtype);
  const shape = outputShape(problem);
  const output = new Float64Array(shape[0] * shape[1] * shape[2]);
  const given = data.initialState && putState(scope, problem, data.initialState, dtype);
  const state = given ?? scope.poisoned(stateShape(problem), dtype);
  for (const [at, piece] of pairs(tokens, cuts).entries()) {
    const part = layer.forward(scope.backend, sliceInputs(scope, problem, inputs, piece), {
      ...optionsOf(problem),
      initialState: at === 0 ? given : state,
      finalState: state,
    });
    move(output, shape, piece, await scope.read(scope.own(part.output)));
  }
  return { output, finalState: await readState(scope, problem, state) };
}

/**
 * Runs the backward pass from the last piece to the first: the gradient of a piece's initial state goes to the piece
 * before.
 */
async function backPieces(
  scope: Scope,
  problem: LayerProblem,
  { data, cotangents }: ExpectedGradients,
  cut: number,
  dtype: "f32" | "f64",
): Promise<Record<string, Float64Array>> {
  const { layer, tokens } = problem;
  const inputs = putInputs(scope, problem, data, dtype);
  const start = putState(scope, problem, data.initialState!, dtype);
  const options = optionsOf(problem);
  const [first, second] = [
    sliceInputs(scope, problem, inputs, [0, cut]),
    sliceInputs(scope, problem, inputs, [cut, tokens]),
  ];
  const between = layer.forward(scope.backend, first, { ...options, initialState: start, finalState: true });
  scope.own(between.output);
  const whole = scope.put(typed(cotangents.output, dtype), outputShape(problem));
  const cotangent = (from: number, to: number): Tensor => {
    const [batch, , cols] = outputShape(problem);
    const layout = { ...whole.layout, offset: from * cols };
    return scope.own(scope.backend.view(whole, [batch, to - from, cols], layout));
  };
  const keepAll = (gradients: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> => {
    for (const t of Object.values(gradients)) scope.own(t);
    return gradients;
  };
  const last = keepAll(
    layer.backward(
      scope.backend,
      second,
      { output: cotangent(cut, tokens), finalState: putState(scope, problem, cotangents.finalState, dtype) },
      { ...options, initialState: scope.own(between.finalState!) },
    ),
  );
  const early = keepAll(
    layer.backward(
      scope.backend,
      first,
      { output: cotangent(0, cut), finalState: last["initialState"] },
      { ...options, initialState: start },
    ),
  );
  const result: Record<string, Float64Array> = {
    initialState: await readState(scope, problem, early["initialState"]!),
  };
  for (const [name, kind] of Object.entries(layer.inputs)) {
    const [ahead, behind] = [await scope.read(early[name]!), await scope.read(last[name]!)];
    if (kind === "A" || kind === "D") {
      result[name] = Float64Array.from(ahead, (value, at) => value + behind[at]!);
      continue;
    }
    const shape = shapeOf(problem, kind);
    const perToken = shape[1] / tokens;
    const gradient = (result[name] = new Float64Array(shape[0] * shape[1] * shape[2]));
    move(gradient, shape, [0, cut * perToken], ahead);
    move(gradient, shape, [cut * perToken, tokens * perToken], behind);
  }
  return result;
}

/** Cuts the sequence in half, all but one and one, and one by one at the end, with states in either layout. */
async function forwardPieces(trial: Trial, layer: Layer, which: number): Promise<void> {
  const dtype = trial.subject.dtype!;
  const all = [
    [65, [32]],
    [66, [65]],
    [20, [16, 17, 18, 19]],
    [130, [63, 127]],
  ] as const;
  for (const [index, [tokens, cuts]] of all.entries()) {
    const problem = affordable(
      plainProblem(layer, {
        ...{ batch: 2, tokens, heads: HEADS[(index + which) % HEADS.length]!, seed: which + index },
        ...{ keyWidth: 5, valueWidth: 3, decay: index % 2 === 0 ? "model" : "mixed" },
        ...{ stateLayout: index % 2 === 0 ? "vk" : "kv", stateful: index < 2 },
      }),
      trial.plan,
    );
    if (problem.tokens < tokens) continue;
    const { data, output, finalState } = expectedResults(problem);
    await trial.scoped(async (scope) => {
      const got = await runPieces(scope, problem, { data, cuts }, dtype);
      judge(trial, problem, `output, cut at ${cuts.join(", ")},`, got.output, output);
      judge(trial, problem, `final state, cut at ${cuts.join(", ")},`, got.finalState, finalState);
    });
  }
}

async function gradientPieces(trial: Trial, layer: Layer, which: number): Promise<void> {
  const own = { batch: 2, tokens: 33, keyWidth: 5, valueWidth: 3, heads: HEADS[which % HEADS.length]! };
  const problem = affordable(plainProblem(layer, { ...own, stateLayout: "vk", seed: which }), trial.plan);
  await judgeGradients(trial, problem, (scope, expected) =>
    backPieces(scope, problem, expected, Math.ceil(problem.tokens / 2), trial.subject.dtype!),
  );
}

export function pieceCases(layers: readonly Layer[] = allLayers): Case[] {
  return layers.flatMap((layer, which) =>
    dtypes.flatMap((dtype) => [
      layerCase("pieces", layer, dtype, {}, (trial) => forwardPieces(trial, layer, which)),
      layerCase(
        "pieces",
        layer,
        dtype,
        { name: `gradients of ${layer.name}`, operation: `gradients of ${layer.name}`, gradients: true },
        (trial) => gradientPieces(trial, layer, which),
      ),
    ]),
  );
}
