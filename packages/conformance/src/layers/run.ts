/** Calls of a layer on a backend: arrays are uploaded and results read, with NaN wherever nothing was written. */
import { newFloatArray, type Dtype, type FloatArray, type Shape, type Tensor } from "@dlrt/core";
import type { LayerOptions } from "@dlrt/linear-attention";
import { demand, type Scope } from "../trial.js";
import type { LayerCotangents, LayerData } from "./data.js";
import { outputShape, rowsOf, sayProblem, shapeOf, stateCount, type LayerProblem } from "./problem.js";

export type Tensors = Readonly<Record<string, Tensor>>;

export const typed = (array: Float64Array, dtype: Dtype): FloatArray => {
  const out = newFloatArray(dtype, array.length);
  out.set(array);
  return out;
};

/** Returns the inputs as tensors. */
export function putInputs(scope: Scope, problem: LayerProblem, { inputs }: LayerData, dtype: Dtype): Tensors {
  return Object.fromEntries(
    Object.entries(problem.layer.inputs).map(([name, kind]) => [
      name,
      scope.put(typed(inputs[name]!, dtype), shapeOf(problem, kind)),
    ]),
  );
}

/** Returns the tokens `from` to `to` of every sequence, as views. */
export function sliceInputs(
  scope: Scope,
  problem: LayerProblem,
  inputs: Tensors,
  [from, to]: readonly [number, number],
): Tensors {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, t]) => {
      const kind = problem.layer.inputs[name]!;
      if (kind === "A" || kind === "D") return [name, t];
      const [batch, , cols] = t.shape;
      const perToken = rowsOf(problem, kind) / problem.tokens;
      const layout = { ...t.layout, offset: from === to ? 0 : from * perToken * t.layout.row };
      return [name, scope.own(scope.backend.view(t, [batch, (to - from) * perToken, cols], layout))];
    }),
  );
}

export function stateShape({ keyWidth, valueWidth, stateLayout, ...rest }: LayerProblem): Shape {
  const count = stateCount({ keyWidth, valueWidth, stateLayout, ...rest });
  return stateLayout === "kv" ? [count, keyWidth, valueWidth] : [count, valueWidth, keyWidth];
}

/** Returns [N·heads, rows, cols] as [N·heads, cols, rows]. */
function transposed(array: ArrayLike<number>, rows: number, cols: number): Float64Array {
  const out = new Float64Array(array.length);
  const size = rows * cols;
  for (let at = 0; at < out.length; at++) {
    const [entry, i, j] = [Math.floor(at / size), Math.floor((at % size) / cols), at % cols];
    out[entry * size + j * rows + i] = array[at]!;
  }
  return out;
}

/** Uploads a state, [N·heads, K, V], as the caller keeps it. */
export function putState(scope: Scope, problem: LayerProblem, state: Float64Array, dtype: Dtype): Tensor {
  const { stateLayout, keyWidth, valueWidth } = problem;
  const own = stateLayout === "kv" ? state : transposed(state, keyWidth, valueWidth);
  return scope.put(typed(own, dtype), stateShape(problem));
}

/** Reads a state as [N·heads, K, V], whatever the caller's layout. */
export async function readState(scope: Scope, problem: LayerProblem, t: Tensor): Promise<Float64Array> {
  const { stateLayout, keyWidth, valueWidth } = problem;
  demand(String(t.shape) === String(stateShape(problem)), `a state is [${String(t.shape)}]`);
  const state = await scope.read(t);
  return stateLayout === "kv" ? Float64Array.from(state) : transposed(state, valueWidth, keyWidth);
}

export function optionsOf({ heads, scale, eps, stateLayout, sequences }: LayerProblem): LayerOptions {
  return {
    ...{ heads, scale, stateLayout },
    normalizeKeys: eps === undefined ? undefined : { eps },
    sequences: sequences && Int32Array.from(sequences),
  };
}

/** Runs `call`, and checks that it makes `made` tensors, which belong to the caller. */
function counted<R>(scope: Scope, problem: LayerProblem, made: number, call: () => R): R {
  const before = scope.backend.memory().tensors;
  const result = call();
  const after = scope.backend.memory().tensors;
  demand(
    after - before === made,
    `${sayProblem(problem)}: ${after - before} tensors live on, expected ${made}`,
  );
  return result;
}

export interface Answer {
  readonly output: Float64Array;
  /** [N·heads, K, V] */
  readonly finalState: Float64Array;
}

/** Runs the layer forward. The final state overwrites the initial one, or goes into a tensor full of NaN. */
export async function runForward(
  scope: Scope,
  problem: LayerProblem,
  data: LayerData,
  dtype: Dtype,
): Promise<Answer> {
  const { layer } = problem;
  const inputs = putInputs(scope, problem, data, dtype);
  const initialState = data.initialState && putState(scope, problem, data.initialState, dtype);
  const finalState = initialState ?? scope.poisoned(stateShape(problem), dtype);
  const shape = outputShape(problem);
  scope.poisonFree(shape, dtype);
  const result = counted(scope, problem, 1, () =>
    layer.forward(scope.backend, inputs, { ...optionsOf(problem), initialState, finalState }),
  );
  scope.own(result.output);
  demand(result.finalState === finalState, "finalState: expected the tensor that was given");
  demand(String(result.output.shape) === String(shape), `output is [${String(result.output.shape)}]`);
  return {
    output: Float64Array.from(await scope.read(result.output)),
    finalState: await readState(scope, problem, finalState),
  };
}

/** Returns every gradient by its name, that of the state as [N·heads, K, V]. With `keeps` the call gets what a forward call has kept. */
export async function runBackward(
  scope: Scope,
  problem: LayerProblem,
  data: LayerData,
  cotangents: LayerCotangents,
  dtype: Dtype,
  keeps: boolean = false,
): Promise<Record<string, Float64Array>> {
  const { layer } = problem;
  const inputs = putInputs(scope, problem, data, dtype);
  const initialState = data.initialState && putState(scope, problem, data.initialState, dtype);
  const output = scope.put(typed(cotangents.output, dtype), outputShape(problem));
  const finalState = putState(scope, problem, cotangents.finalState, dtype);
  const names = [...Object.keys(layer.inputs), ...(initialState ? ["initialState"] : [])];
  for (const t of Object.values(inputs)) scope.poisonFree(t.shape, dtype);
  const options = { ...optionsOf(problem), initialState };
  const before = scope.backend.memory();
  const forward = keeps ? layer.forward(scope.backend, inputs, { ...options, keep: true }) : undefined;
  demand((forward?.kept !== undefined) === keeps, "keep: expected the result to have `kept`");
  forward?.output.dispose();
  const gradients = counted(scope, problem, names.length, () =>
    layer.backward(scope.backend, inputs, { output, finalState }, { ...options, kept: forward?.kept }),
  );
  forward?.kept?.dispose();
  const more = scope.backend.memory().tensors - before.tensors;
  demand(more === names.length, `${sayProblem(problem)}: what was kept lives on once disposed`);
  for (const t of Object.values(gradients)) scope.own(t);
  const given = Object.keys(gradients).slice().sort().join();
  demand(given === names.slice().sort().join(), `gradients of ${given}, expected ${names.join()}`);
  const read: Record<string, Float64Array> = {};
  for (const [name, t] of Object.entries(gradients)) {
    const shape = String((inputs[name] ?? initialState!).shape);
    demand(String(t.shape) === shape, `gradient of ${name} is [${String(t.shape)}], expected [${shape}]`);
    read[name] =
      name === "initialState" ? await readState(scope, problem, t) : Float64Array.from(await scope.read(t));
  }
  return read;
}
