/** The job record of assembly/job.ts, at the foot of the memory, and the words that threads wait on after it. */
import { bytesPerElement } from "@dlrt/core";
import {
  jobBytes,
  jobOffset,
  operandOffset,
  writeNumbers,
  writeOperands,
  type Kernel,
  type Numbers,
  type OperandsOf,
} from "./generated/record.js";
import type { WasmTensor } from "./tensor.js";

export { Decay, Kernel } from "./generated/record.js";

export const JOB_ADDRESS = 64;

const FIRST_WORD = JOB_ADDRESS / 4;
/** The words begin after the record, in a cache line of their own. */
const afterJob = Math.ceil((JOB_ADDRESS + jobBytes) / 64) * 16;

/** The first byte of the heap. Below it lie the job and the three words of the threads, which nobody may allocate. */
export const HEAP_BASE: number = Math.ceil((4 * (afterJob + 3)) / 1024) * 1024;

/** The index of a job's field among the memory's 32-bit words. */
const jobWord = (field: keyof typeof jobOffset): number => FIRST_WORD + jobOffset[field] / 4;

/** The indices of the 32-bit words on which threads wait. The first two are fields of the job. */
export const word: Readonly<Record<"remaining" | "done" | "bell" | "stop" | "failed", number>> = {
  remaining: jobWord("remaining"),
  done: jobWord("done"),
  /** Changes with every job that wants helpers, which wait on it. */
  bell: afterJob,
  /** 1 tells the threads to return. */
  stop: afterJob + 1,
  /** Counts the threads that a trap ended. */
  failed: afterJob + 2,
};

/** What a call sets. Numbers and operands that it leaves out are 0 and absent. */
export interface JobFields extends Numbers, OperandsOf<WasmTensor> {
  readonly kernel: Kernel;
  readonly alpha?: number;
  /** Absent where nothing is normalised. */
  readonly eps?: number | undefined;
  readonly trans?: boolean;
  /** The output. Its dtype is that of the call. */
  readonly out: WasmTensor;
}

/** Writes the record, except `remaining`, which opens it for the threads. */
export class JobWriter {
  #words: Int32Array = new Int32Array(0);
  #doubles: Float64Array = new Float64Array(0);

  constructor(readonly memory: WebAssembly.Memory) {}

  /** `done` is 0 then. Numbers beyond 2³¹ are stored modulo 2³², as addresses and strides are. */
  write(fields: JobFields): void {
    const words = this.#current();
    const { out, trans = false, alpha = 1, eps = -1 } = fields;
    words[word.done] = 0;
    words[jobWord("wide")] = out.dtype === "f64" ? 1 : 0;
    words[jobWord("trans")] = trans ? 1 : 0;
    this.#doubles[jobWord("alpha") / 2] = alpha;
    this.#doubles[jobWord("eps") / 2] = eps;
    writeNumbers(words, FIRST_WORD, fields);
    writeOperands(words, FIRST_WORD, fields, writeOperand);
  }

  /** Writes where the threads' scratch lies. */
  writeScratch(address: number, stride: number): void {
    const words = this.#current();
    words[jobWord("scratch")] = address;
    words[jobWord("scratchStride")] = stride;
  }

  /** Opens the record where no other thread reads it. */
  open(items: number): void {
    this.#current()[word.remaining] = items;
  }

  /** Returns the words of the memory as it is now, since growth detaches earlier arrays. */
  #current(): Int32Array {
    const { buffer } = this.memory;
    if (this.#words.buffer !== buffer) {
      this.#words = new Int32Array(buffer, 0, HEAP_BASE / 4);
      this.#doubles = new Float64Array(buffer, 0, HEAP_BASE / 8);
    }
    return this.#words;
  }
}

function writeOperand(words: Int32Array, at: number, t: WasmTensor | undefined): void {
  if (t === undefined) {
    words[at + operandOffset.start / 4] = 0;
    return;
  }
  const { offset, heads, shared, batch, head, row } = t.layout;
  const size = bytesPerElement[t.dtype];
  words[at + operandOffset.start / 4] = t.byteOffset + offset * size;
  words[at + operandOffset.heads / 4] = heads;
  words[at + operandOffset.shared / 4] = shared;
  words[at + operandOffset.batch / 4] = batch * size;
  words[at + operandOffset.head / 4] = head * size;
  words[at + operandOffset.row / 4] = row * size;
}
