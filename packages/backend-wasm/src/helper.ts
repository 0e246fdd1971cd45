import { nodeBuiltin } from "./node.js";
import type { Start } from "./worker.mjs";

/** A worker, of Node or of a browser. */
export interface Helper {
  /** Resolves when the helper waits for work; rejects when it cannot. */
  readonly ready: Promise<void>;
  /** Ends the helper, whatever it is doing. Resolves when it can no longer touch the memory. */
  terminate(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/**
 * Starts dist/worker.mjs, or `url`, with `start` as its first message. `onGone` is called once if it ends without
 * having been told to, and never before this has returned.
 * @throws what the runtime throws where it forbids workers or cannot take the URL; nothing is left running or waiting
 */
export function startHelper(
  start: Start,
  url: string | URL | undefined,
  onGone: (why: string) => void,
  patience: number = START_TIMEOUT_MS,
): Helper {
  let settle: { resolve: () => void; reject: (error: Error) => void };
  const ready = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  let stopWaiting = (): void => undefined;
  let ended = false;
  function gone(why: string): void {
    stopWaiting();
    settle.reject(new Error(why));
    if (!ended) onGone(why);
    ended = true;
  }
  function started(): void {
    stopWaiting();
    settle.resolve();
  }
  ready.catch(() => undefined);
  const end = nodeBuiltin("node:worker_threads")
    ? startInNode(start, url, started, gone)
    : startInBrowser(start, url, started, gone);
  // The timer is set last: where the worker cannot be made, nothing may be left that fires later.
  const timer = setTimeout(() => gone(`no answer in ${patience} ms`), patience);
  stopWaiting = () => clearTimeout(timer);
  return {
    ready,
    async terminate() {
      ended = true;
      stopWaiting();
      settle.reject(new Error("terminated"));
      await end();
    },
  };
}

function startInNode(
  start: Start,
  url: string | URL | undefined,
  started: () => void,
  gone: (why: string) => void,
): () => Promise<unknown> {
  const { Worker: ThreadWorker } = nodeBuiltin("node:worker_threads")!;
  const worker = new ThreadWorker(url ? new URL(url) : ownScript(), { execArgv: [] });
  worker.on("message", () => {
    worker.unref(); // It may not keep a process alive that has nothing else to do.
    started();
  });
  worker.on("error", (error: Error) => gone(error.message));
  worker.on("exit", (code: number) => gone(`it exited with code ${code}`));
  const end = (): Promise<unknown> => worker.terminate();
  post(worker, start, end);
  return end;
}

/**
 * Returns the address of the script: that of the copy which a bundler has put beside its output, where Node can open
 * it. webpack, as Next.js sets it up, gives an address for pages instead, without a protocol; then the script of the
 * installed package is taken.
 */
function ownScript(): URL {
  const bundled = new URL("./worker.mjs", import.meta.url);
  if (bundled.protocol !== "") return bundled;
  const here = import.meta.url; // It stands apart so that webpack puts in the file that it read, and looks for no asset.
  return new URL("./worker.mjs", here);
}

function startInBrowser(
  start: Start,
  url: string | URL | undefined,
  started: () => void,
  gone: (why: string) => void,
): () => Promise<unknown> {
  // Bundlers look for these very words.
  const worker = url
    ? new Worker(url, { type: "module" })
    : new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" });
  worker.addEventListener("message", started);
  worker.addEventListener("error", (event) => gone(event.message || "its script did not load"));
  const end = async (): Promise<unknown> => worker.terminate();
  post(worker, start, end);
  return end;
}

/** Sends the first message; a worker that cannot be sent it is ended. @throws what postMessage throws */
function post(worker: Pick<Worker, "postMessage">, start: Start, end: () => Promise<unknown>): void {
  try {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
    worker.postMessage(start);
  } catch (error) {
    void end();
    throw error;
  }
}
