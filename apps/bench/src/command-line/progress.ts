import { progress } from "@clack/prompts";

/** Is told how much of the whole is done. Draws that on a terminal, and is silent elsewhere. */
export interface Progress {
  /** @param done 0 to 1 */
  update(what: string, done: number): void;
  finish(what: string): void;
}

const STEPS = 1000;

function timeLeft(elapsedSeconds: number, done: number): string {
  if (done < 0.05) return "";
  const seconds = Math.ceil((elapsedSeconds * (1 - done)) / done);
  return seconds < 90 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`;
}

export function openProgress(stream: NodeJS.WriteStream): Progress {
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
    finish: (what) => bar.stop(what),
  };
}

/** Lets a drawn line appear, because the work that follows may hold the thread for seconds. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
