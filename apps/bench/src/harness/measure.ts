import { mean } from "simple-statistics";
import { isRight, type Verdict } from "./accuracy/residual.js";
import type { Contender } from "./contenders/contender.js";
import type { Phases } from "./device/phases.js";
import type { Operation, Outputs, Run } from "./operations/operation.js";
import { summarise, type Timing } from "./stats.js";
import { messageOf } from "./words.js";
import type { Problem } from "./workload/problem.js";

/** Is told what happens next, and how much of the whole is done, 0 to 1. */
export type OnProgress = (what: string, done: number) => Promise<void> | void;

export interface MeasureOptions {
  /** The number of samples of each contender. There are fewer when the time is up. */
  readonly repetitions: number;
  /**
   * Time for the samples of one case, shared evenly; what is quick leaves more to the others' repetitions. Three
   * samples are taken of each though its share is over, unless they take longer than all.
   */
  readonly seconds: number;
  readonly chunk?: number | undefined;
  /** Is asked between calls whether to go on; if not, the measurement ends by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What became of a contender in a case. Only a right answer has a time. */
export type Outcome =
  | {
      readonly status: "ok";
      readonly verdict: Verdict;
      readonly timing: Timing;
      readonly warmUpCalls: number;
      /** Present where the work is done on a device of its own. */
      readonly phases?: Phases | undefined;
    }
  | { readonly status: "wrong"; readonly verdict: Verdict }
  | { readonly status: "failed" | "skipped"; readonly reason: string };

const MIN_SAMPLES = 3;
/**
 * Short calls are repeated until a sample takes this long, because the clock ticks in steps of 5 µs or, in browsers,
 * 0.1 ms.
 */
const MIN_SAMPLE_MS = 5;
const WARM_UP_MS = 1500;

/** A contender on one piece of work: it refuses it or is opened, and is then called again and again. */
export interface Subject {
  readonly name: string;
  /** Why it does not take this work; undefined where it does. */
  refuses(): string | undefined;
  open(): Run;
  /** Takes upload, compute and readback apart, where the work is done on a device of its own. */
  phases?(run: Run): Promise<Phases>;
}

type Judge<C> = (outputs: Outputs, contender: C) => Verdict;

interface Candidate<C> {
  readonly contender: C;
  readonly subject: Subject;
  readonly run: Run;
  readonly verdict: Verdict;
  readonly warmUpCalls: number;
  /** Calls per sample. */
  readonly calls: number;
  readonly checksum: number;
  readonly samples: number[];
}

/** Returns the mean of so many calls, in ms, or each of them by the run's own clock where it has one. */
async function time(run: Run, calls: number): Promise<readonly number[]> {
  if (run.times) return run.times(calls);
  const start = performance.now();
  for (let i = 0; i < calls; i++) await run.call();
  return [(performance.now() - start) / calls];
}

/**
 * Calls until the engine has tiered up: the last four calls are no faster than the four before (within 5 %),
 * or the time is up. A call that takes seconds tiers up inside itself.
 */
async function warmUp(run: Run): Promise<{ calls: number; ms: number }> {
  const times: number[] = [];
  let spent = 0;
  for (;;) {
    const ms = mean([...(await time(run, 1))]);
    times.push(ms);
    spent += ms;
    const [before, last] = [times.slice(-8, -4), times.slice(-4)];
    const settled = before.length === 4 && spent > 50 && mean(last) > 0.95 * mean(before);
    if (settled || spent > WARM_UP_MS) {
      // The clock of a browser ticks so rarely that the last calls may have taken 0 ms by it.
      return { calls: times.length, ms: Math.min(...last) || spent / times.length };
    }
  }
}

/** A number that a change of any bit changes. */
export function checksum(outputs: Outputs): number {
  let h = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of outputs) {
    const words = new Int32Array(buffer, byteOffset, byteLength / 4);
    for (let i = 0; i < words.length; i++) h = Math.imul(h ^ words[i]!, 0x01000193);
  }
  return h;
}

/**
 * Warms up, and judges the answer of the last call. A candidate that is wrong or fails is closed. An answer that
 * another candidate gave before, bit for bit, has its verdict: a second thread changes no bit, and judging takes long.
 */
async function admit<C>(
  contender: C,
  subject: Subject,
  judge: Judge<C>,
  others: readonly Candidate<C>[],
): Promise<Candidate<C> | Outcome> {
  const refusal = subject.refuses();
  if (refusal !== undefined) return { status: "skipped", reason: refusal };
  let run: Run | undefined;
  try {
    run = subject.open();
    const { calls: warmUpCalls, ms } = await warmUp(run);
    const outputs = await run.read();
    const sum = checksum(outputs);
    const verdict = others.find((other) => other.checksum === sum)?.verdict ?? judge(outputs, contender);
    if (!isRight(verdict)) {
      run.close();
      return { status: "wrong", verdict };
    }
    const calls = Math.max(1, Math.ceil(MIN_SAMPLE_MS / ms));
    return { contender, subject, run, verdict, warmUpCalls, calls, checksum: sum, samples: [] };
  } catch (error) {
    run?.close();
    return { status: "failed", reason: messageOf(error) };
  }
}

type Sampling = Omit<MeasureOptions, "chunk">;

/**
 * Takes samples in the order A, B, C, C, B, A, A, …, so that a machine that slows down or speeds up does so for all
 * alike.
 */
async function takeSamples(candidates: readonly Candidate<unknown>[], options: Sampling): Promise<void> {
  const { repetitions, seconds, signal, onProgress } = options;
  const spent = new Map(candidates.map((candidate) => [candidate, { rounds: 0, ms: 0 }]));
  for (let round = 0; round < repetitions; round++) {
    const order = round % 2 === 0 ? candidates : [...candidates].reverse();
    for (const candidate of order) {
      const { subject, run, calls, samples } = candidate;
      signal?.throwIfAborted();
      const own = spent.get(candidate)!;
      const share = (2 * seconds) / candidates.length;
      if (own.rounds >= MIN_SAMPLES ? own.ms > 1000 * share : own.ms > 1500 * seconds) continue;
      await onProgress?.(`${subject.name}: sample ${own.rounds + 1}`, Math.min(1, round / repetitions));
      const times = await time(run, calls);
      samples.push(...times);
      own.rounds += 1;
      own.ms += mean([...times]) * calls;
    }
  }
}

/** Checks that the answer after the samples is the one that was judged, bit for bit, or has it judged again. */
async function conclude<C>(
  { contender, subject, run, samples, warmUpCalls, ...candidate }: Candidate<C>,
  judge: Judge<C>,
): Promise<Outcome> {
  const outputs = await run.read();
  let { verdict } = candidate;
  if (checksum(outputs) !== candidate.checksum) {
    const again = judge(outputs, contender);
    if (!(again.value <= verdict.value)) verdict = again;
  }
  if (!isRight(verdict)) return { status: "wrong", verdict };
  try {
    const phases = await subject.phases?.(run);
    return { status: "ok", verdict, timing: summarise(samples), warmUpCalls, phases };
  } catch (error) {
    return { status: "failed", reason: messageOf(error) };
  }
}

/**
 * One piece of work, of which each contender is made a subject. No time is taken of one before its answer was found right.
 * @returns what became of each, in their order
 */
export async function measureAll<C>(
  contenders: readonly C[],
  subjectOf: (contender: C) => Subject,
  judge: Judge<C>,
  options: Sampling,
): Promise<Map<C, Outcome>> {
  const { signal, onProgress } = options;
  const outcomes = new Map<C, Outcome>();
  const candidates: Candidate<C>[] = [];
  try {
    for (const contender of contenders) {
      const subject = subjectOf(contender);
      signal?.throwIfAborted();
      await onProgress?.(`${subject.name}: warm-up and check`, 0);
      const admitted = await admit(contender, subject, judge, candidates);
      if ("status" in admitted) outcomes.set(contender, admitted);
      else candidates.push(admitted);
    }
    await takeSamples(candidates, options);
    for (const candidate of candidates) {
      outcomes.set(candidate.contender, await conclude(candidate, judge));
    }
    return new Map(contenders.map((contender) => [contender, outcomes.get(contender)!]));
  } finally {
    for (const { run } of candidates) run.close();
  }
}

/** One case of an operation on every contender. */
export function measure(
  contenders: readonly Contender[],
  operation: Operation,
  problem: Problem,
  { chunk, ...options }: MeasureOptions,
): Promise<Map<Contender, Outcome>> {
  const subjectOf = ({ name, phases, ...contender }: Contender): Subject => ({
    name,
    refuses: () => contender.refuses(operation, problem),
    open: () => contender.open(operation, problem, chunk),
    ...(phases && { phases: (run) => phases(operation, problem, run) }),
  });
  return measureAll(contenders, subjectOf, (outputs) => operation.judge(problem, outputs), options);
}
