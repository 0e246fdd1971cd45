import { heads } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../src/node.js";
import { gates, type Gates } from "./support/decay.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import {
  errorsOf,
  fusedBack,
  NAMES,
  reversed,
  type Cotangents,
  type Name,
} from "./support/delta-gradients.js";
import { watchDispatches } from "./support/dispatches.js";
import type { DeltaProblem } from "./support/delta-rule.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
let dispatches: { take(): string[] };
beforeAll(async () => {
  backend = await createWebGpuBackend({ selfTest: false, chunk: 16 });
  dispatches = watchDispatches(backend);
  // on its device, which compiles every pipeline once
  const others = { selfTest: false, chunk: 16, device: backend.device } as const;
  pieces = await createWebGpuBackend({ ...others, maxScratchBytes: 65536, maxSubmitFlops: 50_000 });
});
afterAll(async () => {
  await pieces.dispose();
  await backend.dispose();
});

interface Wanted {
  readonly shape: DeltaProblem["shape"];
  readonly decay?: "row" | "channel" | undefined;
  readonly gate?: Gates;
  /** Erase and write one number a channel each. */
  readonly gated?: boolean;
  readonly eps?: number | undefined;
}

function problem({ shape, decay, gate = gates["resets"]!, gated = false, eps }: Wanted): {
  readonly of: DeltaProblem;
  readonly cotangents: Cotangents;
} {
  const { batch, n, r, p } = shape;
  const next = uniformFrom(batch + n + r + p);
  const fill = (count: number, scale = 1): Float32Array =>
    Float32Array.from({ length: batch * count }, () => scale * (2 * next() - 1));
  const channels = decay === "row" ? 1 : r;
  const of = {
    ...{ shape, eps, scale: 0.3 },
    query: fill(n * r),
    key: fill(n * r, eps === undefined ? 1 / Math.sqrt(r) : 5),
    value: fill(n * p),
    erase: fill(n * (gated ? r : 1)).map(Math.abs),
    write: gated ? fill(n * p) : undefined,
    decay:
      decay &&
      Float32Array.from({ length: batch * n * channels }, (_, at) =>
        gate(next, Math.floor(at / channels) % n, at % channels),
      ),
    initialState: fill(r * p),
  };
  return { of, cotangents: { out: fill(n * p), state: fill(r * p) } };
}

/** In ε of the largest number of a gradient: what is seen is below 8. */
const LIMIT = 12;

function expectClose(
  got: Partial<Record<Name, Float32Array>>,
  { of, cotangents }: ReturnType<typeof problem>,
): void {
  for (const [name, error] of Object.entries(errorsOf(got, reversed(of, cotangents))))
    expect(error, name).toBeLessThanOrEqual(LIMIT);
}

const decays = [undefined, "row", "channel"] as const;

test.each(decays)(
  "against the reverse of the recurrence, decay: %s; in segments the same bits",
  async (decay) => {
    for (const [shape, gated, eps] of [
      [{ batch: 2, n: 75, r: 6, p: 5 }, false, 1e-6],
      [{ batch: 2, n: 75, r: 6, p: 5 }, true, undefined],
      [{ batch: 1, n: 50, r: 12, p: 36 }, true, 1e-6],
      [{ batch: 3, n: 1, r: 4, p: 4 }, false, undefined],
    ] as const) {
      const given = problem({ shape, decay, gated, eps });
      const got = await fusedBack(backend, given.of, given.cotangents);
      expect(Object.keys(got)).toEqual(NAMES.filter((name) => given.of[name] !== undefined));
      expectClose(got, given);
      expect(await fusedBack(pieces, given.of, given.cotangents)).toEqual(got);
    }
    expect([backend, pieces].map((on) => on.memory())).toEqual([0, 1].map(() => ({ tensors: 0, bytes: 0 })));
  },
);

test("chunks of 64 rows, two quads of columns a thread", async () => {
  const given = problem({ shape: { batch: 4, n: 140, r: 9, p: 12 } });
  expectClose(await fusedBack(backend, given.of, given.cotangents, { chunk: 64 }), given);
});

test("resets, slow and mixed decay, by row and by channel; equal keys", async () => {
  const shape = { batch: 1, n: 60, r: 5, p: 4 };
  const slow: Gates = () => -1e-8;
  for (const decay of ["row", "channel"] as const) {
    for (const gate of [
      slow,
      (_, row) => (row % 3 ? 0 : -20),
      (_, row, channel) => ((row + channel) % 7 === 3 ? -Infinity : -0.01),
      () => -Infinity,
    ] satisfies Gates[]) {
      const given = problem({ shape, decay, gate });
      expectClose(await fusedBack(backend, given.of, given.cotangents), given);
    }
  }
  const equal = problem({ shape });
  const length = Math.sqrt(shape.r);
  equal.of.key.forEach((_, at) => (equal.of.key[at] = ((at % shape.r) % 2 ? 1 : -1) / length));
  equal.of.erase.fill(1);
  expectClose(await fusedBack(backend, equal.of, equal.cotangents), equal);
  // every chunk's sums of ḡ are closed by the states, and Z̄ is compensated
  const long = problem({ shape: { batch: 1, n: 6000, r: 2, p: 2 }, decay: "row", gate: slow });
  expectClose(await fusedBack(backend, long.of, long.cotangents), long);
});

test.each(decays)("NaN in the sequences on both sides reaches nothing, decay: %s", async (decay) => {
  const [n, r, p] = [37, 6, 5];
  const given = problem({ shape: { batch: 3, n, r, p }, decay, gated: true });
  const one: Record<string, unknown> = { ...given.of, shape: { batch: 1, n, r, p } };
  const third = <T extends Float32Array | undefined>(data: T): T =>
    data?.slice(data.length / 3, (2 * data.length) / 3) as T;
  for (const name of NAMES) {
    const data = given.of[name];
    one[name] = third(data);
    data?.forEach((_, at) => Math.floor((3 * at) / data.length) !== 1 && (data[at] = Number.NaN));
  }
  const { out, state } = given.cotangents;
  const alone = { out: third(out), state: third(state) };
  const want = await fusedBack(backend, one as unknown as DeltaProblem, alone);
  const got = await fusedBack(backend, given.of, given.cotangents);
  for (const name of Object.keys(want) as Name[]) expect(third(got[name]), name).toEqual(want[name]);
});

test("only what is asked for is written, the same bits; rows of zeros where they are normalised", async () => {
  for (const [gated, eps] of [
    [false, 1e-6],
    [true, undefined],
  ] as const) {
    const given = problem({ shape: { batch: 2, n: 20, r: 6, p: 5 }, decay: "row", gated, eps });
    given.of.key.fill(0, 12, 24);
    given.of.query.fill(0, 0, 6);
    const all = await fusedBack(backend, given.of, given.cotangents);
    expectClose(all, given);
    for (const name of Object.keys(all) as Name[]) {
      const got = await fusedBack(backend, given.of, given.cotangents, { names: [name] });
      expect(got).toEqual({ [name]: all[name] });
    }
    expect(await fusedBack(backend, given.of, given.cotangents, { names: [] })).toEqual({});
  }
});

test("no rows, no rank, no columns: the gradient of the initial state is the cotangent of the final one, others are 0", async () => {
  for (const shape of [
    { batch: 2, n: 0, r: 3, p: 2 },
    { batch: 2, n: 3, r: 0, p: 2 },
    { batch: 2, n: 3, r: 2, p: 0 },
  ]) {
    const { of, cotangents } = problem({ shape });
    const got = await fusedBack(backend, of, cotangents);
    for (const name of Object.keys(got) as Name[]) {
      const zeros = Array.from(of[name]!, () => 0);
      expect([...got[name]!]).toEqual(name === "initialState" ? [...cotangents.state!] : zeros);
    }
  }
});

test("heads of [B, T, H·D] as they lie, keys that two heads share, gradients between the operands", async () => {
  const [B, T, H, D] = [2, 40, 4, 4];
  // a token: value, query, key, β, each followed by room for its gradient, which keys have one a head of
  const widths = [H * D, H * D, (H / 2) * D, H];
  const room = [H * D, H * D, H * D, H];
  const width = [...widths, ...room].reduce((sum, cols) => sum + cols, 0);
  const next = uniformFrom(9);
  const all = backend.upload({
    data: Float32Array.from({ length: B * T * width }, () => next() - 0.5),
    shape: [B, T, width],
  });
  const at = (index: number, gradient: boolean): number =>
    [...widths.slice(0, index + (gradient ? 1 : 0)), ...room.slice(0, index)].reduce((sum, x) => sum + x, 0);
  const part = (index: number, gradient: boolean): GpuTensor => {
    const shared = index === 2 && !gradient ? 2 : 1;
    const cols = (gradient ? room : widths)[index]!;
    const layout = {
      ...{ offset: at(index, gradient), heads: 1, shared: 1, head: 0 },
      batch: T * width,
      row: width,
    };
    return heads(backend, backend.view(all, [B, T, cols], layout), H / shared, { shared });
  };
  const names = ["value", "query", "key", "erase"] as const;
  const inputs = Object.fromEntries(names.map((name, index) => [name, part(index, false)])) as Record<
    (typeof names)[number],
    GpuTensor
  >;
  const gradients = Object.fromEntries(names.map((name, index) => [name, part(index, true)]));
  const read = async (t: GpuTensor): Promise<Float32Array> => Float32Array.from(await backend.read(t));
  const of: DeltaProblem = {
    shape: { batch: B * H, n: T, r: D, p: D },
    query: await read(inputs.query),
    key: await read(inputs.key),
    value: await read(inputs.value),
    erase: await read(inputs.erase),
    ...{ scale: 2, eps: 1e-6 },
  };
  const out = Float32Array.from({ length: B * H * T * D }, () => next() - 0.5);
  const want = await fusedBack(backend, of, { out });
  const outCotangent = backend.upload({ data: out, shape: [B * H, T, D] });
  const sizes = { ...of.shape, scale: 2, eps: 1e-6 };
  backend.kernels.deltaRuleVjp!({ ...sizes, ...inputs, outCotangent, gradients });
  for (const name of names) expect(await read(gradients[name]!), name).toEqual(want[name]);
  // what lies between them is as it was
  for (const name of names) expect(await read(inputs[name]), name).toEqual(of[name]);
  outCotangent.dispose();
  all.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("what is dispatched with β, normalised keys and a decay, the way there included; prepare compiles it", async () => {
  const given = problem({ shape: { batch: 1, n: 20, r: 4, p: 4 }, eps: 1e-6, decay: "row" });
  const fresh = await createWebGpuBackend({ selfTest: false, chunk: 16, device: backend.device });
  const compile = fresh.device.createComputePipeline.bind(fresh.device);
  await fresh.prepare({ kernel: "deltaRuleVjp", ...given.of.shape, decay: "row" });
  const compiled: unknown[] = [];
  fresh.device.createComputePipeline = (descriptor) => {
    compiled.push(descriptor.label);
    return compile(descriptor);
  };
  await fusedBack(fresh, given.of, given.cotangents);
  fresh.device.createComputePipeline = compile;
  expect(compiled).toEqual([]);
  await fresh.dispose();
  await backend.sync();
  dispatches.take();
  await fusedBack(backend, given.of, given.cotangents);
  const counts: Record<string, number> = {};
  for (const name of dispatches.take()) counts[name] = (counts[name] ?? 0) + 1;
  delete counts["copyBufferToBuffer"];
  expect(counts).toEqual({
    // both states in, the state before the chunks, that after them, Ō, the gradient of the initial state
    ...{ copy: 6, "scale-rows": 3, "decay-rows": 2, coupling: 2, "solve-scan": 1, "apply-state": 1 },
    ...{ "delta-back-scan": 1, "delta-back-reads": 2, "delta-back-keys": 2, "delta-gaps": 1 },
    ...{ "delta-gates": 2, "norm-rows-vjp": 2 },
  });
});
