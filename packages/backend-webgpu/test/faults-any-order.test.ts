import { apply, DlrtError } from "@dlrt/core";
import { expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { disposeWholly, watchBuffers, wrapped } from "./support/faulty.js";
import { onSharedDevice } from "./support/shared-device.js";
import { uniformFrom } from "../../../tooling/random.mjs";

/** Work that is submitted together, and fails or succeeds together. */
interface Unit {
  bad: boolean;
}

/** A tensor, the value it has if all went well, and the units that this value depends on. */
interface Known {
  readonly t: GpuTensor;
  value: readonly [number, number];
  units: ReadonlySet<Unit>;
}

/** Computes T x for T = [[1, 0], [1, 1]]. The numbers are integers, so every value is exact, and hardly two are the same. */
const times = ([a, b]: readonly [number, number]): readonly [number, number] => [a, a + b];

/** Returns a function that draws an integer ≥ 0 and below its argument. */
function integers(seed: number): (below: number) => number {
  const uniform = uniformFrom(seed);
  return (below) => Math.floor(uniform() * below);
}

/** A buffer that belongs to the caller, and its tensor. */
interface Lent {
  readonly known: Known;
  readonly buffer: GPUBuffer;
  gone: boolean;
  /** The units that read it and have not been submitted yet. */
  readonly users: Set<Unit>;
}

class Play {
  readonly #backend: WebGpuBackend;
  readonly #op: { readonly diag: GpuTensor; readonly q: GpuTensor; readonly k: GpuTensor };
  readonly #own: Known[];
  #lent: Lent;
  #open: Unit = { bad: false };
  #count = 0;
  readonly told = { right: 0, rejected: 0 };
  /** Descriptions of what was not as it should be. */
  readonly wrong: string[] = [];

  constructor(backend: WebGpuBackend) {
    this.#backend = backend;
    this.#op = { diag: this.#upload(1, 1), q: this.#upload(0, 1), k: this.#upload(1, 0) };
    this.#own = Array.from({ length: 5 }, (_, i) => ({
      t: this.#upload(i, 10 * i),
      value: [i, 10 * i],
      units: new Set(),
    }));
    this.#lent = this.#lend();
  }

  #upload(a: number, b: number): GpuTensor {
    return this.#backend.upload({ data: Float32Array.of(a, b), shape: [1, 2, 1] });
  }

  #lend(): Lent {
    this.#count += 1;
    const value = [this.#count, 7] as const;
    const { buffer, t } = wrapped(this.#backend, Float32Array.from(value), [1, 2, 1]);
    return { known: { t, value, units: new Set() }, buffer, gone: false, users: new Set() };
  }

  apply(from: number, to: number): void {
    const lent = from === this.#own.length;
    const source = lent ? this.#lent.known : this.#own[from]!;
    const target = this.#own[to]!;
    if (source === target) return;
    apply(this.#backend, this.#op, source.t, { out: target.t });
    if (lent) {
      this.#lent.users.add(this.#open);
      if (this.#lent.gone) this.#open.bad = true;
    }
    [target.value, target.units] = [times(source.value), new Set([...source.units, this.#open])];
  }

  /** Begins a new unit: what is enqueued from here on is submitted apart from what was enqueued before. */
  cut(): void {
    this.#lent.users.delete(this.#open);
    this.#open = { bad: false };
  }

  /** The owner destroys the buffer: what uses it and has not been submitted yet cannot be carried out. */
  destroy(): void {
    if (this.#lent.gone) return;
    this.#lent.gone = true;
    this.#lent.buffer.destroy();
    for (const unit of this.#lent.users) unit.bad = true;
  }

  /** Disposes a tensor and puts a new one in its place. */
  replace(at: number): void {
    this.#own[at]!.t.dispose();
    this.#count += 1;
    const value = [this.#count, 3] as const;
    this.#own[at] = { t: this.#upload(...value), value, units: new Set() };
  }

  lendAnother(): void {
    if (this.#lent.gone) this.#lent = this.#lend();
  }

  /** Records an `apply` into a caller's encoder, which is submitted or is not. */
  record(from: number, to: number, submit: boolean): void {
    if (from >= this.#own.length) return;
    this.cut();
    const encoder = this.#backend.device.createCommandEncoder();
    this.#open = { bad: !submit };
    const recording = this.#backend.record(encoder, () => this.apply(from, to));
    if (submit) this.#backend.device.queue.submit([encoder.finish()]);
    recording.dispose();
    this.cut();
  }

  async sync(): Promise<void> {
    this.cut();
    const [{ reason } = {}] = (await Promise.allSettled([this.#backend.sync()])) as { reason?: unknown }[];
    if (reason !== undefined && !(reason instanceof DlrtError)) this.wrong.push(`sync: ${String(reason)}`);
  }

  /** Starts reads of all tensors at once, twice; each must give what it should, or reject. */
  reads(): Promise<void>[] {
    this.cut();
    return [...this.#own, ...this.#own].map(async ({ t, value, units }) => {
      const [read] = await Promise.allSettled([this.#backend.read(t)]);
      const got = read.status === "fulfilled" ? read.value.join() : read.reason;
      const bad = [...units].some((unit) => unit.bad);
      this.told[bad ? "rejected" : "right"] += 1;
      if (bad ? !(got instanceof DlrtError) : got !== value.join()) {
        this.wrong.push(`${bad ? "an error" : value.join()} expected, got ${String(got)}`);
      }
    });
  }
}

test("whatever comes in whatever order, every read has the right value or the right to reject", async () => {
  const backend = await onSharedDevice();
  const buffers = watchBuffers(backend.device);
  const next = integers(1);
  const play = new Play(backend);
  const reads: Promise<void>[] = [];
  for (let step = 0; step < 600; step++) {
    const [from, to] = [next(6), next(5)];
    const what = next(40);
    if (what < 22) play.apply(from, to);
    else if (what < 27) play.replace(to);
    else if (what < 29) play.destroy();
    else if (what < 34) play.lendAnother();
    else if (what < 36) play.record(from, to, next(4) > 0);
    else if (what < 37) await play.sync();
    else if (what < 38) await Promise.all(reads.splice(0));
    else reads.push(...play.reads());
  }
  await Promise.all(reads);
  expect(play.wrong).toEqual([]);
  expect(play.told.right).toBeGreaterThan(80);
  expect(play.told.rejected).toBeGreaterThan(80);
  await disposeWholly(backend, { alive: () => buffers.alive().filter((label) => label !== "") }); // buffers of the caller's have no label, and are not the backend's to destroy
});
