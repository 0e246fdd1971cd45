/** What a view is: it shares the elements of the tensor that it views, counts nothing, and is gone with that tensor. */
import { DisposedError, newFloatArray, type Dtype, type Layout, type Shape, type Tensor } from "@dlrt/core";
import { caught, demand, type Case, type Scope, type Trial } from "../trial.js";

const flat = (row: number, offset = 0): Layout => ({ offset, heads: 1, shared: 1, batch: 0, head: 0, row });

function demandElements(what: string, got: ArrayLike<number>, want: readonly number[]): void {
  const same = got.length === want.length && want.every((value, at) => value === got[at]);
  demand(same, `${what}: expected [${String(want)}], got [${Array.from(got).join(",")}]`);
}

function counting(scope: Scope, dtype: Dtype, shape: Shape): Tensor {
  const data = newFloatArray(dtype, shape[0] * shape[1] * shape[2]).map((_, at) => at);
  return scope.put(data, shape);
}

/**
 * Reads views of many kinds: rows from the last, every second block of columns, one row again and again, a view of a
 * view, and one without elements.
 */
async function reads(trial: Trial): Promise<void> {
  await trial.scoped(async (scope) => {
    const { backend } = scope;
    const t = counting(scope, trial.subject.dtype!, [2, 3, 4]);
    const view = (of: Tensor, shape: Shape, layout: Layout): Tensor =>
      scope.own(backend.view(of, shape, layout));
    const packed = { offset: 0, heads: 2, shared: 1, batch: 12, head: 2, row: 4 };
    const back = view(t, [1, 2, 3], flat(-4, 20));
    const all: [string, Tensor, number[]][] = [
      ["rows from the last", back, [20, 21, 22, 16, 17, 18]],
      [
        "a view of a view, which counts from that one's first element",
        view(back, [1, 1, 2], flat(0, -3)),
        [17, 18],
      ],
      ["one row twice", view(t, [1, 2, 2], flat(0, 5)), [5, 6, 5, 6]],
      ["two heads", view(t, [4, 1, 2], { ...packed, offset: 4 }), [4, 5, 6, 7, 16, 17, 18, 19]],
      ["shared heads", view(t, [4, 1, 1], { ...packed, heads: 4, shared: 2 }), [0, 0, 2, 2]],
      ["no rows", view(t, [2, 0, 4], flat(4, 999)), []],
    ];
    for (const [what, of, want] of all) {
      demandElements(`read of ${what}`, await scope.read(of), want);
      demand(
        of.dtype === t.dtype && of.backend === t.backend,
        `${what}: expected the dtype and backend viewed`,
      );
      trial.count();
    }
  });
}

async function life(trial: Trial): Promise<void> {
  await trial.scoped(async (scope) => {
    const { backend } = scope;
    const t = counting(scope, trial.subject.dtype!, [1, 4, 3]);
    const before = backend.memory();
    const demandCount = (when: string): void => {
      const { tensors, bytes } = backend.memory();
      demand(
        tensors === before.tensors && bytes === before.bytes,
        `memory() ${when}: ${tensors} tensors of ${bytes} bytes, expected ${before.tensors} of ${before.bytes}`,
      );
    };
    const view = backend.view(t, [1, 2, 3], flat(6, 3));
    const inner = backend.view(view, [1, 1, 2], flat(0, 6));
    demandCount("with views");
    demand(view.storage === t.storage, "view.storage: expected that of the tensor viewed");
    demandElements("read of a view", await scope.read(view), [3, 4, 5, 9, 10, 11]);
    demandElements("read of a view of a view", await scope.read(inner), [9, 10]);
    const other = backend.view(t, [1, 1, 3], flat(0, 0));
    other.dispose();
    other.dispose();
    demandCount("after a view was disposed twice");
    demand(other.disposed && !t.disposed && !view.disposed, "disposed: expected true of that view alone");
    demandElements("read of what it viewed", await scope.read(t), [...Array(12).keys()]);
    t.dispose();
    demand(view.disposed && inner.disposed, "view.disposed: expected true once what it views is disposed");
    for (const [what, call] of Object.entries({
      "read of a view whose tensor is gone": () => backend.read(inner),
      "view of a tensor that is gone": () => backend.view(t, [1, 1, 1], flat(0)),
      "view of a view whose tensor is gone": () => backend.view(view, [1, 1, 1], flat(0)),
    })) {
      demand((await caught(call)) instanceof DisposedError, `${what}: expected a DisposedError`);
    }
    const { tensors } = backend.memory();
    inner.dispose();
    view.dispose();
    demand(backend.memory().tensors === tensors, "memory(): views that were disposed last are counted");
  });
  trial.count();
}

export function viewLifeCases(shared: Pick<Case, "suite" | "operation">, dtype: Dtype): Case[] {
  return [
    { ...shared, dtype, name: `${dtype}: a read of a view`, run: reads },
    { ...shared, dtype, name: `${dtype}: views count nothing and go with what they view`, run: life },
  ];
}
