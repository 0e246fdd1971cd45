import { byteSize, type Backend, type HostView, type Tensor } from "@dlrt/core";
import { median } from "simple-statistics";
import type { Operation, OperationName, Run } from "../operations/operation.js";
import { operatorViews } from "../operations/tensors.js";
import { diagonalBlocks } from "../operations/tril-inverse.js";
import type { Problem } from "../workload/problem.js";
import { DispatchTimer, duration } from "./dispatch-timer.js";

/** The three parts of a call whose operands begin, and whose results end, on the host. */
export interface Phases {
  /** ms from host arrays to tensors on the device, all operands. */
  readonly upload: number;
  readonly uploadBytes: number;
  /** ms. By "timestamps" the sum over the dispatches; by "sync" from the call until the device is idle. */
  readonly compute: number;
  readonly computeBy: "timestamps" | "sync";
  /** ms from the device to host arrays, all results. */
  readonly readback: number;
  readonly readbackBytes: number;
}

/** Takes the phases of a run that is warm. */
export type PhaseMeter = (operation: Operation, problem: Problem, run: Run) => Promise<Phases>;

const REPETITIONS = 3;
/** After so many ms a phase is not repeated again, because software devices take long. */
const ENOUGH_MS = 1000;
const NANOSECONDS = 1e6;

/** Returns what the operation's `open` uploads, except the output. */
function operands(operation: OperationName, problem: Problem): HostView[] {
  const { batch, n, p, b } = problem;
  if (operation === "trilInverse") {
    const { a, count, c } = diagonalBlocks(problem);
    return [{ data: a, shape: [count, c, c] }];
  }
  const operator = Object.values<HostView>({ ...operatorViews(problem) });
  const side: HostView = { data: b, shape: [batch, n, p] };
  if (operation === "inverse") return operator;
  // Y and its cotangent, which solveVjp takes, are as large as B.
  return operation === "solveVjp" ? [...operator, side, side] : [...operator, side];
}

async function repeat(sample: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (const end = performance.now() + ENOUGH_MS; samples.length < REPETITIONS;) {
    samples.push(await sample());
    if (performance.now() > end) break;
  }
  return samples;
}

async function clocked(work: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function uploadTime<T extends Tensor>(
  backend: Backend<T>,
  device: GPUDevice,
  views: readonly HostView[],
): Promise<number> {
  const tensors: T[] = [];
  try {
    return await clocked(() => {
      for (const view of views) tensors.push(backend.upload(view));
      // Writes wait for a submit, and the backend submits only what it has recorded itself.
      device.queue.submit([]);
      return backend.sync();
    });
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

async function compute(device: GPUDevice, run: Run): Promise<Pick<Phases, "compute" | "computeBy">> {
  const timer = DispatchTimer.of(device);
  if (timer) {
    const samples = await repeat(async () => {
      const dispatches = await timer.time(() => run.call());
      return dispatches.reduce((sum, dispatch) => sum + duration(dispatch), 0) / NANOSECONDS;
    });
    // Browsers round timestamps to 0.1 ms: the mean of several tells more than their median, which is rounded too.
    const mean = samples.reduce((a, b) => a + b, 0) / samples.length;
    if (mean > 0) return { compute: mean, computeBy: "timestamps" };
  }
  return { compute: median(await repeat(() => clocked(() => run.call()))), computeBy: "sync" };
}

/** Returns undefined for a backend that computes where the host's arrays are, since it has no `device`. */
export function phaseMeter<T extends Tensor>(backend: Backend<T>): PhaseMeter | undefined {
  const { device } = backend as { readonly device?: GPUDevice };
  if (device === undefined) return undefined;
  return async (operation, problem, run) => {
    const views = operands(operation.name, problem);
    await uploadTime(backend, device, views);
    const upload = median(await repeat(() => uploadTime(backend, device, views)));
    const computed = await compute(device, run);
    let readbackBytes = 0;
    const reads = await repeat(() =>
      clocked(async () => {
        readbackBytes = (await run.read()).reduce((sum, { byteLength }) => sum + byteLength, 0);
      }),
    );
    return {
      upload,
      uploadBytes: views.reduce((sum, { shape }) => sum + byteSize(shape, problem.dtype), 0),
      ...computed,
      readback: median(reads),
      readbackBytes,
    };
  };
}
