/**
 * Every operation at every combination of empty and huge sizes. It must give the right shape where a result can exist
 * and a LimitError where none can, and either at once: [1, 2⁵³ − 1, 0] holds no element, and a loop over its rows would
 * take years.
 */
import {
  apply,
  applyVjp,
  inverse,
  inverseVjp,
  LimitError,
  logAbsDet,
  materialize,
  newFloatArray,
  solve,
  solveVjp,
  trilInverse,
  type Dtype,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { demand, type Scope, type Trial } from "../../trial.js";

const sizes = [0, 1, 2, 2 ** 31, 2 ** 53 - 1] as const;
const MOST = 2 ** 31 - 1;

const countOf = ([batch, rows, cols]: Shape): number => batch * rows * cols;
const exists = (shape: Shape): boolean => countOf(shape) <= MOST;

/** A call, the shapes of its operands, which must exist, and the shapes of all that it returns. */
interface HugeCall {
  readonly name: string;
  readonly needs: readonly Shape[];
  readonly gives: readonly Shape[];
  run(...operands: Tensor[]): Tensor | object | Promise<Float64Array>;
}

function callsOf({ backend }: Scope, batch: number, n: number, r: number, p: number): HugeCall[] {
  const column: Shape = [batch, n, 1];
  const [factor, rhs, state]: Shape[] = [
    [batch, n, r],
    [batch, n, p],
    [batch, r, p],
  ];
  const square: Shape = [batch, n, n];
  const whole = [column, factor!, factor!] as const;
  const chunk = 2 ** 53 - 1;
  type Run = (op: { diag: Tensor; q: Tensor; k: Tensor }, ...others: Tensor[]) => Tensor | object;
  const of = (name: string, others: readonly Shape[], gives: readonly Shape[], run: Run): HugeCall => ({
    ...{ name, gives, needs: [...whole, ...others] },
    run: (diag, q, k, ...more) => run({ diag: diag!, q: q!, k: k! }, ...more),
  });
  const gradients = (more: readonly Shape[]): Shape[] => [...whole, rhs!, ...more];
  return [
    of("solve", [rhs!], [rhs!], (op, b) => solve(backend, op, b!)),
    of("apply", [rhs!], [rhs!], (op, x) => apply(backend, op, x!, { chunk })),
    of("apply without Λ", [rhs!], [rhs!], ({ q, k }, x) => apply(backend, { q, k }, x!, { trans: true })),
    of("solve with states", [rhs!, state!], [rhs!], (op, b, z) =>
      solve(backend, op, b!, { initialState: z, finalState: z, trans: true, chunk }),
    ),
    of("apply with states", [rhs!, state!], [rhs!], (op, x, z) =>
      apply(backend, op, x!, { initialState: z, finalState: z }),
    ),
    of("inverse", [], [square], (op) => inverse(backend, op, { chunk })),
    of("materialize", [], [square], (op) => materialize(backend, op)),
    of("logAbsDet", [], [[batch, 1, 1]], (op) => logAbsDet(backend, op)),
    of("solveVjp", [rhs!, rhs!], gradients([]), (op, y, g) => solveVjp(backend, op, y!, g!, { alpha: 4 })),
    of("applyVjp", [rhs!, rhs!], gradients([]), ({ q, k }, x, g) =>
      applyVjp(backend, { q, k }, x!, g!, { alpha: 4 }),
    ),
    of("solveVjp with states", [rhs!, rhs!, state!, state!], gradients([state!]), (op, y, g, z, zBar) =>
      solveVjp(backend, op, y!, g!, { alpha: 4, initialState: z, finalStateCotangent: zBar }),
    ),
    of("applyVjp with states", [rhs!, rhs!, state!, state!], gradients([state!]), (op, x, g, z, zBar) =>
      applyVjp(backend, op, x!, g!, { alpha: 4, initialState: z, finalStateCotangent: zBar }),
    ),
    of("inverseVjp", [square, square], [...whole], (op, y, g) => inverseVjp(backend, op, y!, g!)),
    {
      ...{ name: "trilInverse", needs: [square], gives: [square] },
      run: (a) => (n > 128 ? backend.empty(square) : trilInverse(backend, a!)),
    },
  ];
}

/** Returns the shapes of all that the call returned, which the scope owns from then on, or the LimitError that it threw. */
async function outcome(scope: Scope, call: HugeCall, operands: Tensor[]): Promise<Shape[] | LimitError> {
  try {
    const result = await call.run(...operands);
    if (result instanceof Float64Array) return [[result.length, 1, 1]];
    const tensors = "storage" in result ? [result as Tensor] : Object.values<Tensor>({ ...result });
    return tensors.map((t) => scope.own(t).shape);
  } catch (error) {
    if (error instanceof LimitError) return error;
    throw error;
  }
}

const say = (shapes: readonly Shape[]): string =>
  shapes
    .map((shape) => `[${shape.join(", ")}]`)
    .sort()
    .join(" ");

/** Makes an operand by an upload, so that a broadcast view of no elements is packed too. */
function operand(scope: Scope, dtype: Dtype, shape: Shape): Tensor {
  const data = newFloatArray(dtype, 1).fill(1);
  return scope.own(scope.backend.upload({ data, shape, strides: [0, 0, 0] }));
}

export async function judgeHuge(trial: Trial): Promise<void> {
  const dtype = trial.backend.supports.dtypes[0]!;
  for (const batch of sizes) {
    for (const n of sizes) {
      for (const r of sizes) {
        for (const p of sizes) {
          await trial.scoped((scope) => judgeSizes(trial, scope, dtype, [batch, n, r, p]));
        }
      }
    }
  }
}

async function judgeSizes(
  trial: Trial,
  scope: Scope,
  dtype: Dtype,
  [batch, n, r, p]: readonly [number, number, number, number],
): Promise<void> {
  for (const call of callsOf(scope, batch, n, r, p)) {
    if (!call.needs.every(exists)) continue;
    const operands = call.needs.map((shape) => operand(scope, dtype, shape));
    const got = await outcome(scope, call, operands);
    const where = `${call.name} at batch ${batch}, n ${n}, r ${r}, p ${p}`;
    const want = call.gives.every(exists) ? say(call.gives) : "LimitError";
    const came = got instanceof LimitError ? "LimitError" : say(got);
    demand(came === want, `${where}: expected ${want}, got ${came}`);
    trial.count();
  }
}
