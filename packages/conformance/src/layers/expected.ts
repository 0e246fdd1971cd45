/** What the results and gradients of a problem should be. They are kept for the dtype or the backend that asks next. */
import { makeCotangents, makeData, type LayerCotangents, type LayerData } from "./data.js";
import { referenceGradients } from "./gradient-reference.js";
import { outHeads, referenceProblem, sayProblem, type LayerProblem } from "./problem.js";
import {
  arrangementOf,
  drawsFor,
  judgedBy,
  movedCotangents,
  movedData,
  noiseFrom,
  sizeOf,
  type Judged,
} from "./sensitivity.js";

export interface ExpectedResults {
  readonly data: LayerData;
  readonly output: Judged;
  readonly finalState: Judged;
}

export interface ExpectedGradients {
  readonly data: LayerData;
  readonly cotangents: LayerCotangents;
  readonly gradients: Readonly<Record<string, Judged>>;
}

/** Keeps the last answers, because a case in f64 follows the same case in f32. */
class Memory<V> {
  readonly #kept = new Map<string, V>();

  of(problem: LayerProblem, make: () => V): V {
    const key = sayProblem(problem);
    const known = this.#kept.get(key);
    if (known) return known;
    const made = make();
    this.#kept.set(key, made);
    if (this.#kept.size > 32) this.#kept.delete(this.#kept.keys().next().value!);
    return made;
  }
}

const results = new Memory<ExpectedResults>();
const gradients = new Memory<ExpectedGradients>();
const draws = (problem: LayerProblem): number[] =>
  Array.from({ length: drawsFor(problem) }, (_, i) => problem.seed + 101 * (i + 1));

export function expectedResults(problem: LayerProblem): ExpectedResults {
  return results.of(problem, () => {
    const data = makeData(problem);
    const right = problem.layer.reference(referenceProblem(problem, data.initialState), data.inputs);
    const others = draws(problem).map((seed) =>
      referenceGradients(problem, movedData(data, seed), undefined, noiseFrom(seed)),
    );
    const size = sizeOf(problem, data);
    const { valueWidth: width } = problem;
    const judged = (name: "output" | "finalState", heads: number): Judged =>
      judgedBy(
        right[name],
        others.map((other) => other[name]),
        { heads, width },
        size,
      );
    return { data, output: judged("output", outHeads(problem)), finalState: judged("finalState", 1) };
  });
}

export function expectedGradients(problem: LayerProblem): ExpectedGradients {
  return gradients.of(problem, () => {
    const data = makeData(problem);
    const cotangents = makeCotangents(problem);
    const right = referenceGradients(problem, data, cotangents).gradients;
    const others = draws(problem).map(
      (seed) =>
        referenceGradients(problem, movedData(data, seed), movedCotangents(cotangents, seed), noiseFrom(seed))
          .gradients,
    );
    const size = sizeOf(problem, data);
    const judged = Object.keys(right).map((name) => {
      const moved = others.map((other) => other[name]!);
      return [name, judgedBy(right[name]!, moved, arrangementOf(problem, name), size)] as const;
    });
    return { data, cotangents, gradients: Object.fromEntries(judged) };
  });
}
