/** The job record of assembly/job.ts, at the foot of the memory, and the words that threads wait on after it. */

/** Kernel numbers of assembly/index.ts. */
export const kernelNumber = { solve: 0, apply: 1, inverse: 2, trilInverse: 3, rowDot: 4 } as const;

/** What a call sets; what is left out is 0. Pointers in bytes, 0 for none. */
export interface JobFields {
  readonly kernel: number;
  readonly wide: boolean;
  readonly alpha?: number;
  readonly n: number;
  readonly r?: number;
  readonly p?: number;
  readonly chunk?: number;
  readonly trans?: boolean;
  readonly segments?: number;
  readonly segment?: number;
  readonly batch?: number;
  readonly diag?: number;
  readonly q?: number;
  readonly k?: number;
  readonly x?: number;
  readonly y?: number;
  readonly out: number;
  readonly state?: number;
  readonly finalState?: number;
}

export const JOB_ADDRESS = 64;
/** Below it: the job and the words. */
export const HEAP_BASE = 1024;

/** Indices of 32-bit words; the first two are the job's own. */
export const word = {
  remaining: 16,
  done: 17,
  /** Moves with every job that wants helpers; they wait on it. */
  bell: 128,
  /** 1: threads are to return. */
  stop: 129,
  /** Threads that a trap ended. */
  failed: 130,
} as const;

/** Fields of the record after `remaining` and `done`, in its order, from its byte 24 on. */
const order = [
  "n",
  "r",
  "p",
  "chunk",
  "trans",
  "segments",
  "segment",
  "batch",
  "diag",
  "q",
  "k",
  "x",
  "y",
  "out",
  "state",
  "finalState",
] as const satisfies readonly (keyof JobFields)[];

/** Writes the record; all but `remaining`, which opens it. */
export class JobWriter {
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(readonly memory: WebAssembly.Memory) {}

  /** `done` is 0 then. */
  write(fields: JobFields): void {
    const view = this.#current();
    view.setInt32(4, 0, true);
    view.setInt32(8, fields.kernel, true);
    view.setInt32(12, fields.wide ? 1 : 0, true);
    view.setFloat64(16, fields.alpha ?? 1, true);
    for (let index = 0; index < order.length; index++) {
      view.setInt32(24 + 4 * index, Number(fields[order[index]!] ?? 0), true);
    }
  }

  /** Where the threads' scratch lies: the last two fields of the record. */
  writeScratch(address: number, stride: number): void {
    const view = this.#current();
    view.setInt32(24 + 4 * order.length, address, true);
    view.setInt32(28 + 4 * order.length, stride, true);
  }

  /** Opens the record where no other thread reads it. */
  open(items: number): void {
    this.#current().setInt32(0, items, true);
  }

  /** On the memory as it is now. */
  #current(): DataView {
    const { buffer } = this.memory;
    if (this.#view.buffer !== buffer) this.#view = new DataView(buffer, JOB_ADDRESS, 256);
    return this.#view;
  }
}
