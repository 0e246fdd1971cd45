import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { Plan } from "../options.js";
import type { Report } from "../report.js";
import { brokenOff, type Progress } from "./broken-off.js";
import { isMessage, type Outcome, type Task } from "./messages.js";
import { WrongUsage } from "./wrong-usage.js";

const JUDGE = fileURLToPath(new URL("./judge.js", import.meta.url));
/**
 * How many milliseconds beyond the limit of a step this process waits, because the judging process reports by itself
 * what does not settle.
 */
const SPARE = 5000;
/** How many milliseconds the judging process may take to start, on a machine that is busy with other things. */
const START = 60_000;
const TICK = 250;

/** Calls `onSilence` once nothing has been heard for `limit` milliseconds in which this process could listen. */
function listen(limit: number, onSilence: () => void): { heard: () => void; end: () => void } {
  let silent = -START;
  const timer = setInterval(() => {
    silent += TICK;
    if (silent >= limit) onSilence();
  }, TICK);
  return { heard: () => (silent = 0), end: () => clearInterval(timer) };
}

/**
 * Makes sure that the judging process does not outlive this one, which ends as the signal asks. Returns a function that
 * undoes it.
 */
function tie(child: ChildProcess): () => void {
  const kill = (): void => void child.kill("SIGKILL");
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const end = (): void => process.exit(128 + constants.signals[signal]);
    return [signal, end] as const;
  });
  process.once("exit", kill);
  for (const [signal, end] of signals) process.once(signal, end);
  return () => {
    process.off("exit", kill);
    for (const [signal, end] of signals) process.off(signal, end);
  };
}

/**
 * Judges the backend in a process of its own, so that nothing it does can keep the report from being written.
 * @throws WrongUsage: no backend is there
 */
export async function supervise(
  backend: string,
  {
    plan,
    titles,
    layers,
  }: { readonly plan: Plan; readonly titles: readonly string[]; readonly layers: boolean },
  onCase: (title: string, outcome: Outcome) => void,
): Promise<Report> {
  const task: Task = { backend, options: plan as Task["options"], layers };
  // What a backend prints must not end up in a report that is printed.
  const child = fork(JUDGE, [JSON.stringify(task)], { stdio: ["inherit", 2, 2, "ipc"] });
  const untie = tie(child);
  const progress: Progress = { seed: plan.seed, started: [], running: false };
  let done: Report | undefined;
  let wrong: string | undefined;
  let lost: string | undefined;
  const silence = listen(plan.stepTimeout + SPARE, () => {
    lost ??= `a call did not return within ${plan.stepTimeout / 1000} s`;
    child.kill("SIGKILL");
  });
  child.on("message", (message) => {
    silence.heard();
    if (!isMessage(message)) return;
    if (message.kind === "start") progress.running = progress.started.push(message.title) > 0;
    if (message.kind === "case") {
      progress.report = message.report;
      progress.running = false;
      onCase(message.title, message.outcome);
    }
    if (message.kind === "done") done = message.report;
    if (message.kind === "wrong") wrong = message.why;
    if (message.kind === "lost") lost = message.why;
  });
  try {
    const ended = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
    const [[code, signal]] = await Promise.all([ended, once(child, "disconnect")]);
    if (wrong !== undefined) throw new WrongUsage(wrong);
    const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
    return done ?? brokenOff(progress, titles, lost ?? `the backend's process ${how}`);
  } finally {
    silence.end();
    untie();
  }
}
