import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../src/node.js";
import type { Gates } from "./support/decay.js";
import { expectClose, problemBack } from "./support/delta-back.js";
import { fusedBack, NAMES, type Name } from "./support/delta-gradients.js";
import type { DeltaProblem } from "./support/delta-rule.js";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice({ chunk: 16 });
  pieces = await onSharedDevice({ chunk: 16, maxScratchBytes: 65536, maxSubmitFlops: 50_000 });
});
afterAll(async () => {
  await pieces.dispose();
  await backend.dispose();
});

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
      const given = problemBack({ shape, decay, gated, eps });
      const got = await fusedBack(backend, given.of, given.cotangents);
      expect(Object.keys(got)).toEqual(NAMES.filter((name) => given.of[name] !== undefined));
      expectClose(got, given);
      expect(await fusedBack(pieces, given.of, given.cotangents)).toEqual(got);
    }
    expect([backend, pieces].map((on) => on.memory())).toEqual([0, 1].map(() => ({ tensors: 0, bytes: 0 })));
  },
);

test("chunks of 64 rows, two quads of columns a thread", async () => {
  const given = problemBack({ shape: { batch: 4, n: 140, r: 9, p: 12 } });
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
      const given = problemBack({ shape, decay, gate });
      expectClose(await fusedBack(backend, given.of, given.cotangents), given);
    }
  }
  const equal = problemBack({ shape });
  const length = Math.sqrt(shape.r);
  equal.of.key.forEach((_, at) => (equal.of.key[at] = ((at % shape.r) % 2 ? 1 : -1) / length));
  equal.of.erase.fill(1);
  expectClose(await fusedBack(backend, equal.of, equal.cotangents), equal);
  // Over many chunks the errors stay as small, because the states close every chunk's sums of ḡ, and Z̄ is compensated.
  const long = problemBack({ shape: { batch: 1, n: 6000, r: 2, p: 2 }, decay: "row", gate: slow });
  expectClose(await fusedBack(backend, long.of, long.cotangents), long);
});

test.each(decays)("NaN in the sequences on both sides reaches nothing, decay: %s", async (decay) => {
  const [n, r, p] = [37, 6, 5];
  const given = problemBack({ shape: { batch: 3, n, r, p }, decay, gated: true });
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
    const given = problemBack({ shape: { batch: 2, n: 20, r: 6, p: 5 }, decay: "row", gated, eps });
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
    const { of, cotangents } = problemBack({ shape });
    const got = await fusedBack(backend, of, cotangents);
    for (const name of Object.keys(got) as Name[]) {
      const zeros = Array.from(of[name]!, () => 0);
      expect([...got[name]!]).toEqual(name === "initialState" ? [...cotangents.state!] : zeros);
    }
  }
});
