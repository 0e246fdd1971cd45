/** What a call reads and writes, whatever its numbers are: inputs stay as they were, bits repeat, and a NaN stays where it belongs. */
import type { Case, Scope, Trial } from "../../trial.js";
import { demandBits } from "../../demands.js";
import { demand } from "../../trial.js";
import { makeCotangents, makeData, type LayerCotangents, type LayerData } from "../data.js";
import { allLayers, type Layer } from "../definition.js";
import { affordable, HEADS, plainProblem } from "../design.js";
import { outputShape, sayProblem, stateHeads, type LayerProblem } from "../problem.js";
import { optionsOf, putInputs, putState, readState, runBackward, runForward, stateShape } from "../run.js";
import { dtypes, layerCase } from "./shared.js";

/**
 * Runs the layer without a final state, with a new one, and with one that is given. The output must be the same each
 * time, and the inputs as they were.
 */
async function twice(trial: Trial, layer: Layer, which: number): Promise<void> {
  const dtype = trial.subject.dtype!;
  const own = { batch: 2, tokens: 33, keyWidth: 5, valueWidth: 3, heads: HEADS[which % HEADS.length]! };
  const problem = affordable(plainProblem(layer, { ...own, seed: which }), trial.plan);
  const data = makeData(problem);
  const where = sayProblem(problem);
  await trial.scoped(async (scope) => {
    const inputs = putInputs(scope, problem, data, dtype);
    const before = Object.fromEntries(
      await Promise.all(
        Object.entries(inputs).map(async ([name, t]) => [name, await scope.read(t)] as const),
      ),
    );
    const initialState = putState(scope, problem, data.initialState!, dtype);
    const options = { ...optionsOf(problem), initialState };
    const bare = layer.forward(scope.backend, inputs, options);
    demand(bare.finalState === undefined, `${where}: a final state that nobody asked for`);
    const asked = layer.forward(scope.backend, inputs, { ...options, finalState: true });
    const first = await scope.read(scope.own(bare.output));
    demandBits(`the second output of ${where}`, await scope.read(scope.own(asked.output)), first);
    const made = scope.own(asked.finalState!);
    demand(
      String(made.shape) === String(stateShape(problem)),
      `${where}: final state [${String(made.shape)}]`,
    );
    const started = await readState(scope, problem, initialState);
    demandBits(`initial state of ${where}, after the call`, started, data.initialState!);
    for (const [name, t] of Object.entries(inputs))
      demandBits(`${name} of ${where}, after the call`, await scope.read(t), before[name]!);
    const third = await runForward(scope, problem, data, dtype);
    demandBits(`output of ${where}, the state written over`, third.output, first);
    demandBits(`final state of ${where}`, third.finalState, await readState(scope, problem, made));
  });
  trial.count();
}

/** Returns an array of `entries` equal parts with NaN in those that `picks` names. */
function spoil(array: Float64Array, entries: number, picks: (entry: number) => boolean): Float64Array {
  const size = array.length / entries;
  return array.map((value, at) => (picks(Math.floor(at / size)) ? NaN : value));
}

/** Returns the inputs with NaN in all rows whose token `hit` names, counted through the batch. */
function spoilTokens(problem: LayerProblem, data: LayerData, hit: (token: number) => boolean): LayerData {
  const { layer, batch, tokens } = problem;
  const own = Object.entries(data.inputs).map(([name, array]) => {
    const kind = layer.inputs[name]!;
    return [name, kind === "A" || kind === "D" ? array : spoil(array, batch * tokens, hit)] as const;
  });
  return { ...data, inputs: Object.fromEntries(own) };
}

const plain = (layer: Layer, which: number, own: Partial<LayerProblem>): LayerProblem =>
  plainProblem(layer, {
    keyWidth: 5,
    valueWidth: 3,
    heads: HEADS[which % HEADS.length]!,
    seed: which,
    ...own,
  });

/** Checks that what a token holds reaches no output before it. */
async function causal(trial: Trial, layer: Layer, which: number): Promise<void> {
  const dtype = trial.subject.dtype!;
  const problem = plain(layer, which, { tokens: 33 });
  const data = makeData(problem);
  const rows = outputShape(problem)[2];
  for (const t of [1, 20, 32]) {
    const run = (own: LayerData): Promise<Float64Array> =>
      trial.scoped(async (scope) => (await runForward(scope, problem, own, dtype)).output);
    const spoilt = await run(spoilTokens(problem, data, (token) => token >= t));
    const right = await run(data);
    demandBits(
      `output before a NaN in token ${t} of ${sayProblem(problem)}`,
      spoilt.subarray(0, t * rows),
      right.subarray(0, t * rows),
    );
    trial.count();
  }
}

/** Fills one packed sequence, or one sequence of the batch, with NaN. The others must keep every bit, of their gradients too. */
async function apart(trial: Trial, layer: Layer, which: number): Promise<void> {
  const dtype = trial.subject.dtype!;
  for (const sequences of [[0, 15, 31, 48], undefined]) {
    const own = sequences ? { tokens: 48, sequences } : { batch: 3, tokens: 17 };
    const problem = plain(layer, which, own);
    const bounds = sequences ?? [0, 17, 34, 51];
    const inside = (token: number): boolean => token >= bounds[1]! && token < bounds[2]!;
    const data = makeData(problem);
    const cotangents = makeCotangents(problem);
    const heads = stateHeads(problem);
    const state = (array: Float64Array): Float64Array =>
      spoil(array, 3 * heads, (entry) => Math.floor(entry / heads) === 1);
    const bad = {
      ...spoilTokens(problem, data, inside),
      initialState: state(data.initialState!),
    };
    const badCotangents = {
      output: spoil(cotangents.output, bounds[3]!, inside),
      finalState: state(cotangents.finalState),
    };
    const right = await everything(trial, problem, data, cotangents, dtype);
    const spoilt = await everything(trial, problem, bad, badCotangents, dtype);
    for (const [name, array] of Object.entries(right)) {
      const kind = layer.inputs[name];
      if (kind === "A" || kind === "D") continue; // the gradients of these are sums over all tokens
      const entries = /state/i.test(name) ? 3 : bounds[3]!;
      const outside = (entry: number): boolean => (entries === 3 ? entry !== 1 : !inside(entry));
      const left = (of: Float64Array): Float64Array => {
        const size = of.length / entries;
        return of.filter((_, at) => outside(Math.floor(at / size)));
      };
      demandBits(
        `${name} beside a sequence of NaN, ${sayProblem(problem)}`,
        left(spoilt[name]!),
        left(array),
      );
    }
    trial.count();
  }
}

async function everything(
  trial: Trial,
  problem: LayerProblem,
  data: LayerData,
  cotangents: LayerCotangents,
  dtype: "f32" | "f64",
): Promise<Record<string, Float64Array>> {
  return trial.scoped(async (scope: Scope) => {
    const { output, finalState } = await runForward(scope, problem, data, dtype);
    return { output, finalState, ...(await runBackward(scope, problem, data, cotangents, dtype)) };
  });
}

export function callCases(layers: readonly Layer[] = allLayers): Case[] {
  const operation = "layers, reach of a call";
  return layers.flatMap((layer, which) =>
    dtypes.flatMap((dtype) => [
      layerCase(
        "calls",
        layer,
        dtype,
        { name: `${layer.name} leaves its inputs, and repeats itself`, operation },
        (trial) => twice(trial, layer, which),
      ),
      layerCase("calls", layer, dtype, { name: `${layer.name} reads no later token`, operation }, (trial) =>
        causal(trial, layer, which),
      ),
      layerCase(
        "calls",
        layer,
        dtype,
        { name: `${layer.name} keeps sequences apart`, operation, gradients: true },
        (trial) => apart(trial, layer, which),
      ),
    ]),
  );
}
