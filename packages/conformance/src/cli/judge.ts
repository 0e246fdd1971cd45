/** The process in which a backend is judged: it tells its parent how far it is, and may be killed at any time. */
import { layerCases } from "../layers/suites/index.js";
import { planOf } from "../options.js";
import { Pulse, StrayError } from "../pulse.js";
import { Run } from "../run.js";
import { runAll } from "../runner.js";
import { messageOf } from "../text.js";
import type { Report } from "../report.js";
import { factoryOf } from "./factory.js";
import type { Message, Task } from "./messages.js";
import { WrongUsage } from "./wrong-usage.js";

type Told<M> = M extends Message ? Omit<M, "dlrt"> : never;

const { backend, options, layers } = JSON.parse(process.argv[2]!) as Task;
const { stepTimeout } = planOf(options);
const send = process.send!.bind(process);
const exit = process.exit.bind(process);

/** Writes the message before it returns, so that the parent also knows of a call that never returns. */
function tell(message: Told<Message>, then?: () => void): void {
  try {
    send({ dlrt: "conformance", ...message }, undefined, undefined, () => then?.());
  } catch {
    exit(1); // the parent process is gone
  }
}

let last = 0;

/** Tells of many signs of life within a short time as of one. */
function alive(): void {
  const now = Date.now();
  if (now - last < stepTimeout / 16) return;
  last = now;
  tell({ kind: "alive" });
}

let run: Run | undefined;

function stray(kind: string): (error: unknown) => void {
  return (error) => {
    const why = `${kind}: ${messageOf(error)}`;
    if (run) run.stray(new StrayError(why));
    else finish({ kind: "lost", why });
  };
}

/** A backend that leaves a worker or a timer behind must not keep the program alive. */
function finish(message: Told<Message>): void {
  tell(message, () => exit(0));
}

async function judge(): Promise<Report> {
  const loading = new Pulse(stepTimeout, alive);
  const { create, first } = await loading.watch(`loading ${backend}`, () => factoryOf(backend));
  const started = (run = new Run(create, options, alive, layers ? layerCases() : undefined));
  const all = runAll(started, {
    onStart: (title) => tell({ kind: "start", title }),
    onCase: (title, outcome) => tell({ kind: "case", title, outcome, report: started.report() }),
  });
  return Promise.race([first.then(() => all), all]); // what is no backend is not judged
}

process.on("disconnect", () => exit(1));
process.on("uncaughtException", stray("uncaught exception"));
process.on("unhandledRejection", stray("unhandled rejection"));
judge().then(
  (report) => finish({ kind: "done", report }),
  (error: unknown) => finish({ kind: error instanceof WrongUsage ? "wrong" : "lost", why: messageOf(error) }),
);
