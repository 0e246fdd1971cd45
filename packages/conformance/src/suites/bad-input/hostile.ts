/** What JavaScript lets a caller pass where a plain object is meant: arrays with holes, proxies, null, objects of a class. */
import { apply, inverse, ShapeError, solve, solveVjp, ValueError, type Shape } from "@dlrt/core";
import { demand, type Trial } from "../../trial.js";
import { sizes, wrongly, type Fixture, type Wrong } from "./fixture.js";

/** Returns a proxy as Vue's `reactive` makes one: it forwards everything, and is not the object itself. */
function proxyOf<T extends object>(target: T): T {
  return new Proxy(target, {});
}

function revoked<T>(): T {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return wrongly(proxy);
}

export function hostileObjects(fixture: Fixture): Wrong[] {
  const { backend, op, rhs, out, state, dtype } = fixture;
  const data = fixture.array(6);
  const hole = wrongly<Shape>(holed());
  const nothing: unknown = Object.create(null);
  const withOptions = (options: unknown) => () => solve(backend, op, rhs, wrongly(options));
  return [
    ["empty with a shape of three holes", ShapeError, () => backend.empty(wrongly(Array(3)), dtype)],
    ["empty with a hole in the shape", ShapeError, () => backend.empty(hole, dtype)],
    ["empty with a revoked proxy for a shape", ShapeError, () => backend.empty(revoked(), dtype)],
    ["empty with bigints", ShapeError, () => backend.empty(wrongly([1n, 2n, 3n]), dtype)],
    ["upload with a hole in the strides", ShapeError, upload({ shape: [1, 2, 3], strides: holed() })],
    ["upload with strides null", ShapeError, upload({ shape: [1, 2, 3], strides: null })],
    ["upload of a revoked proxy", ValueError, () => backend.upload(revoked())],
    ["read of a proxy of a tensor", ValueError, () => backend.read(proxyOf(rhs))],
    ["read of a revoked proxy", ValueError, () => backend.read(revoked())],
    ["solve of a proxy of a tensor", ValueError, () => solve(backend, op, proxyOf(rhs))],
    ["solve into a proxy of a tensor", ValueError, withOptions({ out: proxyOf(out) })],
    ["solve with a proxy of a state", ValueError, withOptions({ initialState: proxyOf(state) })],
    ["apply with a proxy of Q", ValueError, () => apply(backend, { ...op, q: proxyOf(op.q) }, rhs)],
    ["solve on a proxy of the backend", ValueError, () => solve(proxyOf(backend), op, rhs)],
    ["solve on a revoked proxy", ValueError, () => solve(revoked(), op, rhs)],
    ["solve of a revoked operator", ValueError, () => solve(backend, revoked(), rhs)],
    ["solve with options null", ValueError, withOptions(null)],
    ["solve with an array of options", ValueError, withOptions([])],
    ["solve with a revoked proxy of options", ValueError, withOptions(revoked())],
    ["solve with a tensor for options", ValueError, withOptions(out)],
    ["solve with transpose for trans", ValueError, withOptions({ transpose: true })],
    ["apply with scale for alpha", ValueError, () => apply(backend, op, rhs, wrongly({ scale: 2 }))],
    ["inverse with chunkSize", ValueError, () => inverse(backend, op, wrongly({ chunkSize: 2 }))],
    ["solveVjp with out", ValueError, () => solveVjp(backend, op, rhs, rhs, wrongly({ out }))],
    ["solve with an object for α", ValueError, withOptions({ alpha: nothing })],
    ["solve with an object for trans", ValueError, withOptions({ trans: nothing })],
    ["solve with itself for chunk", ValueError, withOptions({ chunk: cyclic() })],
  ];
  function upload(view: object): () => unknown {
    return () => backend.upload(wrongly({ data, ...view }));
  }
}

/** Returns [1, , 2], an array with a hole. */
function holed(): unknown[] {
  return Object.assign(Array(3), { 0: 1, 2: 2 });
}

function cyclic(): unknown[] {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  return cycle;
}

/** Demands that a tensor does not let its shape be changed, nor changes when somebody changes the array that gave it its shape. */
export async function keepsShape(trial: Trial): Promise<void> {
  await trial.scoped(async (scope) => {
    const dtype = scope.backend.supports.dtypes[0]!;
    const asked = [1, 2, 3];
    const t = scope.own(scope.backend.empty(wrongly<Shape>(asked), dtype));
    asked[1] = 1000;
    const attempts = [
      (): unknown => (wrongly<number[]>(t.shape)[1] = 1000),
      (): unknown => (wrongly<{ shape: number[] }>(t).shape = [1, 1000, 3]),
      (): unknown => (wrongly<{ dtype: string }>(t).dtype = "f16"),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        demand(
          error instanceof TypeError,
          `a tensor's shape was written: expected a TypeError, got ${String(error)}`,
        );
      }
      demand(
        String(t.shape) === "1,2,3",
        `tensor.shape: expected [1, 2, 3], got [${t.shape}] after it was written`,
      );
      demand(t.dtype === dtype, `tensor.dtype: expected ${dtype}, got ${t.dtype} after it was written`);
    }
    demand((await scope.read(t)).length === 6, "read: expected 6 elements");
    trial.count();
  });
}

/** Demands that `chunk`, which is a hint of any size, does the same as n itself where it is larger than every n. */
export async function anyChunk(trial: Trial): Promise<void> {
  const { batch, n, r } = sizes;
  const chunks = [2 ** 31 - 3, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  await trial.scoped(async (scope) => {
    const dtype = scope.backend.supports.dtypes[0]!;
    const ones = (rows: number, cols: number) =>
      scope.put(
        (dtype === "f32"
          ? new Float32Array(batch * rows * cols)
          : new Float64Array(batch * rows * cols)
        ).fill(1),
        [batch, rows, cols],
      );
    const op = { diag: ones(n, 1), q: ones(n, r), k: ones(n, r) };
    const rhs = ones(n, 1);
    for (const chunk of chunks) {
      for (const trans of [false, true]) {
        const y = await scope.read(scope.own(solve(scope.backend, op, rhs, { chunk, trans })));
        const x = await scope.read(scope.own(apply(scope.backend, op, rhs, { chunk, trans })));
        for (let i = 0; i < n; i++) {
          const row = trans ? n - 1 - i : i;
          demand(
            y[row] === (1 - r) ** i,
            `solve with chunk ${chunk}: expected ${(1 - r) ** i}, got ${y[row]}`,
          );
          demand(x[row] === 1 + r * i, `apply with chunk ${chunk}: expected ${1 + r * i}, got ${x[row]}`);
        }
        trial.count(2);
      }
      const inverted = await scope.read(scope.own(inverse(scope.backend, op, { chunk })));
      const want = -r * (1 - r) ** (n - 2);
      const corner = inverted[(n - 1) * n];
      demand(corner === want, `inverse with chunk ${chunk}: expected ${want}, got ${corner}`);
      trial.count();
    }
  });
}
