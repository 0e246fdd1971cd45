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
/** The first byte of the heap. Below it lie the job and the words. */
export const HEAP_BASE = 1024;

/** The whole numbers that a call sets. What a call leaves out is 0. */
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
  "keptRows",
] as const;
type NumberName = (typeof numbers)[number];

type OperandName = keyof typeof operandIndex;

const operandNames = Object.keys(operandIndex) as OperandName[];

/** The first word lies after the record, in a cache line of its own. */
const firstWord = Math.ceil((JOB_ADDRESS + operandsAt + operandNames.length * operandBytes) / 64) * 16;

/** The indices of the 32-bit words on which threads wait. The first two are fields of the job. */
export const word: Readonly<Record<"remaining" | "done" | "bell" | "stop" | "failed", number>> = {
  remaining: (JOB_ADDRESS + jobOffset.remaining) / 4,
  done: (JOB_ADDRESS + jobOffset.done) / 4,
  /** Changes with every job that wants helpers, which wait on it. */
  bell: firstWord,
  /** 1 tells the threads to return. */
  stop: firstWord + 1,
  /** Counts the threads that a trap ended. */
  failed: firstWord + 2,
};

/** What a call sets. */
export type JobFields = {
  readonly kernel: (typeof Kernel)[keyof typeof Kernel];
  readonly alpha?: number;
  /** Absent where nothing is normalised. */
  readonly eps?: number | undefined;
  readonly trans?: boolean;
  readonly silu?: boolean;
  readonly decayKind?: (typeof Decay)[keyof typeof Decay];
  /** The output. Its dtype is that of the call. */
  readonly out: WasmTensor;
} & { readonly [name in Exclude<NumberName, "decayKind">]?: number } & {
  readonly [name in OperandName]?: WasmTensor | undefined;
};

/** The index of a job's field among the memory's 32-bit words. */
const jobWord = (field: keyof typeof jobOffset): number => (JOB_ADDRESS + jobOffset[field]) / 4;

const numberWord = Object.fromEntries(numbers.map((name) => [name, jobWord(name)])) as Record<
  NumberName,
  number
>;
const operandWord = Object.fromEntries(
  operandNames.map((name) => [name, (JOB_ADDRESS + operandsAt + operandIndex[name] * operandBytes) / 4]),
) as Record<OperandName, number>;

/** Writes the record, except `remaining`, which opens it for the threads. */
export class JobWriter {
  #words: Int32Array = new Int32Array(0);
  #doubles: Float64Array = new Float64Array(0);

  constructor(readonly memory: WebAssembly.Memory) {}

  /** `done` is 0 then. Numbers beyond 2³¹ are stored modulo 2³², as addresses and strides are. */
  write(fields: JobFields): void {
    const words = this.#current();
    const { kernel, out, trans = false, silu = false, alpha = 1, eps = -1 } = fields;
    words[word.done] = 0;
    words[jobWord("kernel")] = kernel;
    words[jobWord("wide")] = out.dtype === "f64" ? 1 : 0;
    words[jobWord("trans")] = trans ? 1 : 0;
    words[jobWord("silu")] = silu ? 1 : 0;
    this.#doubles[jobWord("alpha") / 2] = alpha;
    this.#doubles[jobWord("eps") / 2] = eps;
    // The fields are written name by name: a loop over the names takes 0.3 µs more, a third of the smallest calls.
    words[numberWord.batch] = fields.batch ?? 0;
    words[numberWord.n] = fields.n ?? 0;
    words[numberWord.r] = fields.r ?? 0;
    words[numberWord.p] = fields.p ?? 0;
    words[numberWord.chunk] = fields.chunk ?? 0;
    words[numberWord.decayKind] = fields.decayKind ?? 0;
    words[numberWord.eraseWidth] = fields.eraseWidth ?? 0;
    words[numberWord.writeWidth] = fields.writeWidth ?? 0;
    words[numberWord.group] = fields.group ?? 0;
    words[numberWord.segments] = fields.segments ?? 0;
    words[numberWord.segment] = fields.segment ?? 0;
    words[numberWord.keptRows] = fields.keptRows ?? 0;
    writeOperand(words, operandWord.diag, fields.diag);
    writeOperand(words, operandWord.q, fields.q);
    writeOperand(words, operandWord.k, fields.k);
    writeOperand(words, operandWord.decay, fields.decay);
    writeOperand(words, operandWord.x, fields.x);
    writeOperand(words, operandWord.y, fields.y);
    writeOperand(words, operandWord.out, fields.out);
    writeOperand(words, operandWord.initialState, fields.initialState);
    writeOperand(words, operandWord.finalState, fields.finalState);
    writeOperand(words, operandWord.erase, fields.erase);
    writeOperand(words, operandWord.eraseKey, fields.eraseKey);
    writeOperand(words, operandWord.write, fields.write);
    writeOperand(words, operandWord.queryGradient, fields.queryGradient);
    writeOperand(words, operandWord.keyGradient, fields.keyGradient);
    writeOperand(words, operandWord.valueGradient, fields.valueGradient);
    writeOperand(words, operandWord.eraseGradient, fields.eraseGradient);
    writeOperand(words, operandWord.eraseKeyGradient, fields.eraseKeyGradient);
    writeOperand(words, operandWord.writeGradient, fields.writeGradient);
    writeOperand(words, operandWord.decayGradient, fields.decayGradient);
    writeOperand(words, operandWord.initialStateGradient, fields.initialStateGradient);
    writeOperand(words, operandWord.kept, fields.kept);
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
