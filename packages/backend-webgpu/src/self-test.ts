import { UnsupportedError, type Backend } from "@dlrt/core";
import { EXACT, N, P, type Exact } from "./exact.js";
import { standIn, type Rehearsal } from "./prepare.js";
import type { GpuTensor } from "./tensor.js";

const MOST_ENTRIES = 256;

/**
 * Computes one problem of the exact class: that whose pipelines are compiled already in the largest part, or else the first. Once the
 * caller's own work has been enqueued its pipelines are there. So what is tested is what the caller uses, and compiling takes no time.
 * @param width how many workgroups the device is taken to run at a time: for so many batch entries solve-scan takes tiles twice as wide
 * @param uncompiled tells how much of what a call needs is still to be compiled, as a fraction of 1
 * @throws UnsupportedError where a bit of the answer is wrong; and what `read` and `compile` throw
 */
export async function selfTest(
  backend: Backend<GpuTensor>,
  width: number,
  uncompiled: (of: Rehearsal) => number,
  compile: (of: Rehearsal) => Promise<void>,
): Promise<void> {
  const choices = EXACT.flatMap((exact) =>
    [1, Math.min(width, MOST_ENTRIES)].map((batch) => ({ exact, batch, of: rehearsal(exact, batch) })),
  );
  const costs = choices.map(({ of }) => uncompiled(of));
  const { exact, batch, of } = choices[costs.indexOf(Math.min(...costs))]!;
  await compile(of);
  await runExact(backend, exact, batch);
}

function rehearsal({ columns, run }: Exact, batch: number): Rehearsal {
  const inputs = columns.map((each) => standIn(batch, N, each));
  return (kernels) => run(kernels, inputs, standIn(batch, N, P));
}

async function runExact(
  backend: Backend<GpuTensor>,
  { name, columns, problem, run }: Exact,
  batch: number,
): Promise<void> {
  const { inputs, expected } = problem();
  const tensors = inputs.map((one, at) => {
    const data = new Float32Array(batch * one.length);
    for (let entry = 0; entry < batch; entry++) data.set(one, entry * one.length);
    return backend.upload({ data, shape: [batch, N, columns[at]!] });
  });
  const out = backend.empty([batch, N, P]);
  run(backend.kernels, tensors, out);
  const got = await backend.read(out);
  const bad = got.findIndex((value, at) => value !== expected[at % expected.length]);
  if (bad < 0) return;
  const received = `${got[bad]} at element ${bad} where ${expected[bad % expected.length]} is exact`;
  throw new UnsupportedError("device", `one that passes the self-test of ${name}`, received);
}
