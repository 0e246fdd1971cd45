/** What `upload` takes: strided, offset, reversed and broadcast views of any buffer. What it makes is a copy. */
import { newFloatArray, type Dtype, type FloatArray, type HostView, type Shape } from "@dlrt/core";
import fc from "fast-check";
import { demandBits } from "../demands.js";
import { Random } from "../random.js";
import { demand, type Case, type Scope, type Trial } from "../trial.js";

/** A view of which all parts are given. */
interface WholeView extends HostView {
  readonly strides: readonly [number, number, number];
  readonly offset: number;
}

/** Returns the elements of a view, row-major, by the definition of a view. */
function elementsOf({ data, shape, strides, offset }: WholeView): FloatArray {
  const [batch, rows, cols] = shape;
  const all: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        all.push(data[offset + b * strides[0] + i * strides[1] + j * strides[2]]!);
      }
    }
  }
  return newFloatArray(data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64", all.length).map((_, at) => all[at]!);
}

interface Arrangement {
  readonly shape: Shape;
  /** The axes from the innermost to the outermost. */
  readonly order: readonly number[];
  /** For each axis, one more than the number of elements left out between neighbours; negative: reversed; 0: broadcast. */
  readonly gap: readonly [number, number, number];
  readonly offset: number;
  readonly seed: number;
}

const gaps = fc.integer({ min: -2, max: 3 });
const layouts: fc.Arbitrary<Arrangement> = fc.record({
  shape: fc.tuple(fc.nat(3), fc.nat(20), fc.nat(20)),
  order: fc.constantFrom<readonly number[]>([2, 1, 0], [1, 2, 0], [0, 1, 2], [2, 0, 1]),
  gap: fc.tuple(gaps, gaps, gaps),
  offset: fc.nat(7),
  seed: fc.nat(),
});

/** Returns strides and offset of a layout, in a buffer that the view reaches to the end of. */
function viewOf(dtype: Dtype, { shape, order, gap, offset: lead, seed }: Arrangement): WholeView {
  const strides: [number, number, number] = [0, 0, 0];
  let extent = 1;
  let offset = lead;
  for (const axis of order) {
    const step = (gap[axis] ?? 0) === 0 ? 0 : extent + Math.abs(gap[axis]!) - 1;
    const span = Math.max(shape[axis]! - 1, 0) * step;
    strides[axis] = gap[axis]! < 0 ? -step : step;
    if (gap[axis]! < 0) offset += span;
    extent += span;
  }
  const data = new Random(seed).fillNormal(newFloatArray(dtype, lead + extent));
  return { data, shape, strides, offset };
}

/** @param given what is passed to upload, whose elements are those of `view` */
async function demandUpload(
  trial: Trial,
  scope: Scope,
  view: WholeView,
  given: HostView = view,
): Promise<void> {
  const { dtype } = trial.subject;
  const t = scope.own(scope.backend.upload(given));
  demand(t.dtype === dtype, `upload: dtype ${t.dtype} from a ${dtype} array`);
  demand(String(t.shape) === String(view.shape), `upload: shape [${t.shape}] from [${view.shape}]`);
  const where = `strides [${view.strides}], offset ${view.offset}, shape [${view.shape}]`;
  demandBits(`upload of ${where}`, await scope.read(t), elementsOf(view));
  trial.count();
}

function anyView(trial: Trial): Promise<void> {
  return trial.property(layouts, (scope, layout) =>
    demandUpload(trial, scope, viewOf(trial.subject.dtype!, layout)),
  );
}

/** Uploads the views that people write, each on its own. */
async function commonViews(trial: Trial): Promise<void> {
  const data = new Random(trial.plan.seed).fillNormal(newFloatArray(trial.subject.dtype!, 100));
  const shape: Shape = [2, 3, 4];
  const strides: Record<string, WholeView["strides"]> = {
    "row-major": [12, 4, 1],
    transposed: [12, 1, 3],
    "columns of a wider array": [30, 10, 1],
    "every second column": [24, 8, 2],
    "batch innermost": [1, 8, 2],
    "rows reversed": [12, -4, 1],
    "columns reversed": [12, 4, -1],
    "batches reversed": [-12, 4, 1],
    "one row for all": [12, 0, 1],
    "one column for all": [12, 4, 0],
    "one entry for all": [0, 4, 1],
    "one number for all": [0, 0, 0],
  };
  await trial.scoped(async (scope) => {
    for (const layout of Object.values(strides)) {
      await demandUpload(trial, scope, { data, shape, strides: layout, offset: 40 });
    }
    const dense = { data, shape, strides: [12, 4, 1], offset: 0 } as const;
    await demandUpload(trial, scope, dense, { data, shape });
    await demandUpload(trial, scope, { ...dense, offset: 7 }, { data, shape, offset: 7 });
  });
}

const bits = [0, -0, 1, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -126), 2 ** 127];

async function keepsBits(trial: Trial): Promise<void> {
  await trial.scoped(async (scope) => {
    const data = newFloatArray(trial.subject.dtype!, bits.length).map((_, at) => bits[at]!);
    const t = scope.put(data, [1, 1, bits.length]);
    demandBits("upload and read of special values", await scope.read(t), data);
    trial.count();
  });
}

async function copies(trial: Trial): Promise<void> {
  await trial.scoped(async (scope) => {
    const data = newFloatArray(trial.subject.dtype!, 6).map((_, at) => at);
    const t = scope.put(data, [1, 2, 3]);
    data.fill(7);
    const first = await scope.read(t);
    demand(first[1] === 1, "upload: expected a copy, got the array itself");
    first.fill(9);
    demand((await scope.read(t))[1] === 1, "read: expected a fresh array each time, got the memory itself");
    trial.count();
  });
}

/** Uploads views over memory that is shared, that is part of a larger buffer, or that belongs to another realm. */
async function foreignMemory(trial: Trial): Promise<void> {
  const Float = trial.subject.dtype === "f32" ? Float32Array : Float64Array;
  const bytes = Float.BYTES_PER_ELEMENT;
  const shared = sharedBuffer(4 * bytes) && new Float(sharedBuffer(4 * bytes)!);
  const inside = new Float(new ArrayBuffer(100 * bytes), 8 * bytes, 4);
  const elsewhere = arrayOfAnotherRealm(Float.name);
  for (const [what, data] of Object.entries({ shared, inside, elsewhere })) {
    if (data === undefined) continue;
    data.set([1, 2, 3, 4]);
    await trial.scoped(async (scope) => {
      const t = scope.put(data, [2, 2, 1]);
      const want = newFloatArray(trial.subject.dtype!, 4).map((_, at) => at + 1);
      demandBits(`upload of an array that is ${what}`, await scope.read(t), want);
    });
    trial.count();
  }
}

/** Returns a SharedArrayBuffer, which the types take for any other buffer. It is absent in pages that are not cross-origin isolated. */
function sharedBuffer(bytes: number): ArrayBuffer | undefined {
  if (typeof SharedArrayBuffer === "undefined") return undefined;
  return new SharedArrayBuffer(bytes) as unknown as ArrayBuffer;
}

interface Vm {
  runInNewContext(code: string): unknown;
}

/** Returns a typed array of another realm. There is one in Node, Deno and Bun, and none in browsers. */
function arrayOfAnotherRealm(name: string): FloatArray | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const vm = process?.getBuiltinModule?.("node:vm") as Vm | undefined;
  return vm?.runInNewContext(`new ${name}(4)`) as FloatArray | undefined;
}

export function viewCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const of = (name: string, run: (trial: Trial) => Promise<void>): Case => ({
      ...{ suite: "views", name: `${dtype}: ${name}`, operation: "upload, read", dtype, run },
    });
    return [
      of("strided, offset, reversed, broadcast", commonViews),
      of("any strides and offset", anyView),
      of("NaN, ∞, −0 and subnormals keep their bits", keepsBits),
      of("upload and read copy", copies),
      of("shared buffers, parts of buffers, another realm", foreignMemory),
    ];
  });
}
