/** Views and decays that cannot be: of elements that are not there, of wrong sizes, or written where elements repeat. */
import {
  apply,
  DisposedError,
  heads,
  ShapeError,
  solve,
  solveVjp,
  UnsupportedError,
  ValueError,
  type Layout,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { sizes, wrongly, type Fixture, type Wrong } from "./fixture.js";

const { batch, n, r, p } = sizes;

export function wrongLayouts(fixture: Fixture, foreign: Tensor): Wrong[] {
  const { backend, rhs, op, gone } = fixture;
  const lies: Layout = { offset: 0, heads: 1, shared: 1, batch: n * p, head: 0, row: p };
  const view = (shape: unknown, layout: unknown, of: Tensor = rhs) => {
    return (): unknown => backend.view(of, wrongly<Shape>(shape), wrongly<Layout>(layout));
  };
  const laid = (change: object, shape: Shape = rhs.shape): (() => unknown) =>
    view(shape, { ...lies, ...change });
  const shared = (): Tensor =>
    fixture.scope.own(backend.view(rhs, rhs.shape, { ...lies, heads: 2, shared: 2, batch: 0 }));
  const flat = (): Tensor => fixture.scope.own(backend.view(rhs, rhs.shape, { ...lies, row: 0 }));
  return [
    ["view past the end", ShapeError, laid({ offset: 1 })],
    ["view before the start", ShapeError, laid({ offset: -1 })],
    ["view of more rows than there are", ShapeError, laid({}, [batch, n + 1, p])],
    ["view of more entries than there are", ShapeError, laid({}, [batch + 1, n, p])],
    ["view of rows that reach past the end", ShapeError, laid({ row: p + 1 })],
    ["view of rows from the last without its offset", ShapeError, laid({ row: -p })],
    ["view of a tensor without elements", ShapeError, view([1, 1, 1], lies, fixture.ones([1, 0, 3]))],
    ["view of a negative size", ShapeError, laid({}, [batch, -1, p])],
    ["view of two sizes", ShapeError, view([batch, n], lies)],
    ["view of 2³¹ rows that are one", ShapeError, laid({ row: 0, batch: 0 }, [1, 2 ** 31, 1])],
    ["view of heads that do not divide the batch", ShapeError, laid({ heads: 3 })],
    ["view of shared heads that do not divide the heads", ShapeError, laid({ heads: 2, shared: 3 })],
    ["view with a fractional stride", ValueError, laid({ row: 0.5 })],
    ["view with no heads", ValueError, laid({ heads: 0 })],
    ["view with shared 0", ValueError, laid({ shared: 0 })],
    ["view with NaN for an offset", ValueError, laid({ offset: NaN })],
    ["view with no layout", ValueError, view(rhs.shape, undefined)],
    ["view of a disposed tensor", DisposedError, view(rhs.shape, lies, gone)],
    ["view of another backend's tensor", ValueError, view(rhs.shape, lies, foreign)],
    ["view of something else", ValueError, view(rhs.shape, lies, wrongly({ shape: rhs.shape }))],
    ["heads of columns that they do not divide", ShapeError, () => heads(backend, rhs, p + 1)],
    ["no heads", ValueError, () => heads(backend, rhs, 0)],
    ["heads of heads", ShapeError, () => heads(backend, fixture.scope.own(heads(backend, rhs, p)), 1)],
    ["apply into shared heads", ValueError, () => apply(backend, op, fixture.out, { out: shared() })],
    ["solve into rows that are one", ValueError, () => solve(backend, op, fixture.out, { out: flat() })],
    ["solve of b into shared heads of it", ValueError, () => solve(backend, op, rhs, { out: shared() })],
    [
      "apply with a final state whose rows are one",
      ValueError,
      () => {
        const z = { offset: 0, heads: 1, shared: 1, batch: r * p, head: 0, row: 0 };
        const finalState = fixture.scope.own(backend.view(fixture.state, [batch, r, p], z));
        return apply(backend, op, rhs, { finalState });
      },
    ],
  ];
}

/** Returns calls with decays of wrong shapes, or with more decay than the backend says that it can do. */
export function wrongDecays(fixture: Fixture, foreign: Tensor): Wrong[] {
  const { backend, op, rhs, gone } = fixture;
  const { decay: able = "none" } = backend.supports;
  const on = (decay: Tensor, option: object = {}) => {
    return (): unknown => solve(backend, { ...op, decay }, rhs, option);
  };
  const shapes: Wrong[] = [
    ["solve with a decay of other channels", ShapeError, on(fixture.ones([batch, n, r + 1]))],
    ["solve with a decay of another n", ShapeError, on(fixture.ones([batch, n + 1, 1]))],
    ["solve with a decay of another batch", ShapeError, on(fixture.ones([1, n, 1]))],
    ["solve with a disposed decay", DisposedError, on(gone)],
    ["solve with another backend's decay", ValueError, on(foreign)],
    [
      "solve with a misspelt option",
      ValueError,
      () => solve(backend, op, rhs, wrongly({ state: fixture.state })),
    ],
  ];
  const row = fixture.scope.put(fixture.array(batch * n).fill(0), [batch, n, 1]);
  const channel = fixture.scope.put(fixture.array(batch * n * r).fill(0), [batch, n, r]);
  const { out } = fixture;
  const allowed: Wrong[] = [
    [
      "solveVjp into the decay",
      ValueError,
      () => solveVjp(backend, { ...op, decay: row }, rhs, rhs, { out: { decay: row } }),
    ],
  ];
  const refused: Wrong[] = [
    ["solve with more decay than is supported", UnsupportedError, on(channel, { out })],
    [
      "apply with more decay than is supported",
      UnsupportedError,
      () => apply(backend, { ...op, decay: channel }, rhs, { out }),
    ],
  ];
  const none: Wrong = ["solve with decay, and none is supported", UnsupportedError, on(row, { out })];
  return [...shapes, ...(able === "none" ? [none] : allowed), ...(able === "channel" ? [] : refused)];
}
