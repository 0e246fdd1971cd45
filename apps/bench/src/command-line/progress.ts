import { progress } from "@clack/prompts";
import type { OnProgress } from "../harness/index.js";

/** What a command came to: what to print, and whether anything was wrong. */
export interface Printed {
  readonly text: string;
  readonly failed: boolean;
}

/** Whether what is printed may be coloured. */
export const colour: boolean = process.stdout.isTTY === true && !process.env["NO_COLOR"];

const STEPS = 1000;

function timeLeft(elapsedSeconds: number, done: number): string {
  if (done < 0.05) return "";
  const seconds = Math.ceil((elapsedSeconds * (1 - done)) / done);
  return seconds < 90 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`;
}

interface Progress {
  readonly update: OnProgress;
  finish(): void;
}

/** Draws on a terminal how much of the whole is done, and is silent elsewhere. */
function openProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { update: () => undefined, finish: () => undefined };
  const bar = progress({ max: STEPS, size: 24, output: stream });
  const start = performance.now();
  let shown = 0;
  bar.start("starting");
  return {
    update(what, done) {
      const step = Math.max(0, Math.round(done * STEPS) - shown);
      shown += step;
      bar.advance(step, what + timeLeft((performance.now() - start) / 1000, done));
    },
    finish: () => bar.stop("measured"),
  };
}

/** Shows progress while a command measures, then prints what came out and sets the exit code. */
export async function shown(work: (onProgress: OnProgress) => Promise<Printed>): Promise<void> {
  const { update, finish } = openProgress(process.stdout);
  const { text, failed } = await work(async (what, done) => {
    await update(what, done);
    // The drawn line appears before the work that follows holds the thread for seconds.
    await new Promise((resolve) => setImmediate(resolve));
  });
  finish();
  process.stdout.write(`${text}\n`);
  if (failed) process.exitCode = 1;
}
