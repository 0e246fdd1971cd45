/** The job record of assembly/job.ts, at the foot of the memory, and the words that threads wait on after it. */
import { bytesPerElement } from "@dlrt/core";
import {
  jobOffset,
  operandBytes,
  operandIndex,
  operandOffset,
  operandsAt,
  type Decay,
  type Kernel,
} from "./generated/record.js";
import type { WasmTensor } from "./tensor.js";

export { Decay, Kernel } from "./generated/record.js";

export const JOB_ADDRESS = 64;
/** Below it: the job and the words. */
export const HEAP_BASE = 1024;

/** Indices of 32-bit words; the first two are the job's own. */
export const word: Readonly<Record<"remaining" | "done" | "bell" | "stop" | "failed", number>> = {
  remaining: (JOB_ADDRESS + jobOffset.remaining) / 4,
  done: (JOB_ADDRESS + jobOffset.done) / 4,
  /** Moves with every job that wants helpers; they wait on it. */
  bell: 160,
  /** 1: threads are to return. */
  stop: 161,
  /** Threads that a trap ended. */
  failed: 162,
};

/** Whole numbers that a call sets; what is left out is 0. */
const numbers = [
  "batch",
  "n",
  "r",
  "p",
  "chunk",
  "decayKind",
  "eraseWidth",
  "writeWidth",
  "group",
  "segments",
  "segment",
] as const;
type NumberName = (typeof numbers)[number];

type OperandName = keyof typeof operandIndex;

const operandNames = Object.keys(operandIndex) as OperandName[];

/** What a call sets. */
export type JobFields = {
  readonly kernel: (typeof Kernel)[keyof typeof Kernel];
  readonly alpha?: number;
  /** Absent: nothing is normalised. */
  readonly eps?: number | undefined;
  readonly trans?: boolean;
  readonly decayKind?: (typeof Decay)[keyof typeof Decay];
  /** Its dtype is the call's. */
  readonly out: WasmTensor;
} & { readonly [name in Exclude<NumberName, "decayKind">]?: number } & {
  readonly [name in OperandName]?: WasmTensor | undefined;
};

/** Index of a job's word in the memory's words. */
const jobWord = (field: keyof typeof jobOffset): number => (JOB_ADDRESS + jobOffset[field]) / 4;
const numberWords = numbers.map((name) => [name, jobWord(name)] as const);
const operandWords = operandNames.map(
  (name) => [name, (JOB_ADDRESS + operandsAt + operandIndex[name] * operandBytes) / 4] as const,
);

/** Writes the record; all but `remaining`, which opens it. */
export class JobWriter {
  #words: Int32Array = new Int32Array(0);
  #doubles: Float64Array = new Float64Array(0);

  constructor(readonly memory: WebAssembly.Memory) {}

  /** `done` is 0 then. Numbers beyond 2³¹ are stored modulo 2³², as addresses and strides are. */
  write(fields: JobFields): void {
    const words = this.#current();
    const { kernel, out, trans = false, alpha = 1, eps = -1 } = fields;
    words[word.done] = 0;
    words[jobWord("kernel")] = kernel;
    words[jobWord("wide")] = out.dtype === "f64" ? 1 : 0;
    words[jobWord("trans")] = trans ? 1 : 0;
    this.#doubles[jobWord("alpha") / 2] = alpha;
    this.#doubles[jobWord("eps") / 2] = eps;
    for (const [name, at] of numberWords) words[at] = fields[name] ?? 0;
    for (const [name, at] of operandWords) {
      const t = fields[name];
      if (t === undefined) words[at + operandOffset.start / 4] = 0;
      else writeOperand(words, at, t);
    }
  }

  /** Where the threads' scratch lies. */
  writeScratch(address: number, stride: number): void {
    const words = this.#current();
    words[jobWord("scratch")] = address;
    words[jobWord("scratchStride")] = stride;
  }

  /** Opens the record where no other thread reads it. */
  open(items: number): void {
    this.#current()[word.remaining] = items;
  }

  /** On the memory as it is now. */
  #current(): Int32Array {
    const { buffer } = this.memory;
    if (this.#words.buffer !== buffer) {
      this.#words = new Int32Array(buffer, 0, HEAP_BASE / 4);
      this.#doubles = new Float64Array(buffer, 0, HEAP_BASE / 8);
    }
    return this.#words;
  }
}

function writeOperand(words: Int32Array, at: number, t: WasmTensor): void {
  const { offset, heads, shared, batch, head, row } = t.layout;
  const size = bytesPerElement[t.dtype];
  words[at + operandOffset.start / 4] = t.byteOffset + offset * size;
  words[at + operandOffset.heads / 4] = heads;
  words[at + operandOffset.shared / 4] = shared;
  words[at + operandOffset.batch / 4] = batch * size;
  words[at + operandOffset.head / 4] = head * size;
  words[at + operandOffset.row / 4] = row * size;
}
