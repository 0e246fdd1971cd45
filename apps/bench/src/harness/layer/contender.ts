import type { Backend, Tensor } from "@dlrt/core";
import { State } from "@dlrt/linear-attention";
import type { Named, Opened } from "../contenders/contender.js";
import { aboutBackend, lacking } from "../contenders/supports.js";
import type { Outputs, Run } from "../operations/operation.js";
import { arraysOf, callOf, type Bring } from "./calls.js";
import { LAYER_DECAY } from "./names.js";
import type { LayerProblem } from "./problem.js";

/** Something that computes a layer. */
export interface LayerContender extends Named {
  /** Why it does not take this work; undefined where it does. */
  refuses(problem: LayerProblem): string | undefined;
  open(problem: LayerProblem): Run;
  dispose(): Promise<void>;
}

export const NO_SOFTMAX = "no softmax attention";

/** Returns the ms of each of so many calls. */
export async function timed(call: () => void | Promise<void>, calls: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    const done = call();
    if (done) await done;
    times.push(performance.now() - start);
  }
  return times;
}

/** The state of the decoded sequence, which every call advances by the same token; undefined for other tasks. */
const stateOf = <T extends Tensor>(
  backend: Backend<T>,
  { heads, K, V, past }: LayerProblem,
): State<T> | undefined => past && new State(backend, { heads, keyWidth: K, valueWidth: V });

/** Returns what is judged. In decoding that is a call from the state `past`, and the state it leaves, in the memory that the timed calls use. */
async function judged<T extends Tensor>(
  state: State<T> | undefined,
  { past }: LayerProblem,
  call: () => Promise<void>,
  outputs: () => Promise<Outputs>,
): Promise<Outputs> {
  if (state === undefined) return outputs();
  state.write(past!);
  await call();
  return [...(await outputs()), await state.read()];
}

/** A run whose every call uploads its inputs from the caller's arrays, and reads its results. */
function allIn<T extends Tensor>(backend: Backend<T>, problem: LayerProblem, bring: Bring<T>): Run {
  const state = stateOf(backend, problem);
  let outputs: Outputs = [];
  const call = async (): Promise<void> => {
    const layer = callOf(backend, problem, bring, state);
    const results = layer.run();
    outputs = await Promise.all(results.map((t) => backend.read(t)));
    for (const t of results) t.dispose();
    layer.dispose();
  };
  return {
    call,
    times: (calls) => timed(call, calls),
    read: () => judged(state, problem, call, async () => outputs),
    close: () => state?.dispose(),
  };
}

/** A run of a prompt on plain arrays, with outputs in arrays that every call fills anew. */
function onArrays(backend: Backend, problem: LayerProblem): Run {
  const layer = arraysOf(backend, problem);
  let outputs: Outputs = [];
  const call = async (): Promise<void> => {
    outputs = await layer();
  };
  return { call, times: (calls) => timed(call, calls), read: async () => outputs, close: () => {} };
}

/** A run whose inputs lie in the backend already, and whose results stay there. */
function resident<T extends Tensor>(backend: Backend<T>, problem: LayerProblem, bring: Bring<T>): Run {
  const state = stateOf(backend, problem);
  const layer = callOf(backend, problem, bring, state);
  let results: readonly T[] = [];
  const disposed = (): void => {
    for (const t of results) t.dispose();
    results = [];
  };
  const call = (): Promise<void> => {
    disposed();
    results = layer.run();
    return backend.sync();
  };
  return {
    call,
    times: (calls) => timed(call, calls),
    read: () => judged(state, problem, call, () => Promise.all(results.map((t) => backend.read(t)))),
    close: () => {
      disposed();
      layer.dispose();
      state?.dispose();
    },
  };
}

type Wrapping<T extends Tensor> = Backend<T> & { wrap: Bring<T> };

/** Whether a caller's array is a tensor as it is, as on backend-js: then there is nothing to upload or to read. */
const wraps = <T extends Tensor>(backend: Backend<T>): backend is Wrapping<T> =>
  backend.supports.build === "js" && "wrap" in backend;

/** A backend from the caller's arrays to the caller's arrays; and, where that differs, with inputs and results that stay in the backend. */
export function layerContenders({ name, backend }: Opened): LayerContender[] {
  const { supports } = backend;
  const about = {
    ...aboutBackend(supports),
    refuses: ({ layer }: LayerProblem): string | undefined =>
      layer === "softmax"
        ? NO_SOFTMAX
        : lacking(supports, "f32", LAYER_DECAY[layer], ["solve", "apply", "rowDot", "copy"]),
  };
  const upload: Bring<Tensor> = (data, shape) => backend.upload({ data, shape });
  const dispose = (): Promise<void> => backend.dispose();
  if (wraps(backend)) {
    const wrap: Bring<Tensor> = (data, shape) => backend.wrap(data, shape);
    return [{ ...about, name, open: (problem) => allIn(backend, problem, wrap), dispose }];
  }
  const open = (problem: LayerProblem): Run =>
    problem.task === "prefill" ? onArrays(backend, problem) : allIn(backend, problem, upload);
  return [
    { ...about, name, open, dispose },
    {
      ...about,
      name: `${name} resident`,
      open: (problem) => resident(backend, problem, upload),
      dispose: async () => undefined,
    },
  ];
}
