import type { BenchCommand, BenchEvent, Found, RunRequest } from "../protocol.js";

export type RunEvent = Exclude<BenchEvent, { type: "found" }>;

/** The bench's worker. Cancelling ends it with all it holds, whatever it is busy with; the next run starts another. */
export class Session {
  #worker: Worker | undefined;

  constructor(readonly threads: number) {}

  #start(command: BenchCommand, hear: (event: BenchEvent) => void): void {
    this.cancel();
    const worker = new Worker(new URL("../worker/bench.worker.ts", import.meta.url), { type: "module" });
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<BenchEvent>) => {
      if (this.#worker !== worker) return;
      if (data.type === "found" || data.type === "done" || data.type === "failed") this.cancel();
      hear(data);
    });
    worker.addEventListener("error", (event) => {
      if (this.#worker !== worker) return;
      this.cancel();
      hear({ type: "failed", message: event.message || "the worker's script did not load" });
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
    worker.postMessage(command);
  }

  look(): Promise<Found> {
    return new Promise((resolve, reject) => {
      this.#start({ type: "look", threads: this.threads }, (event) => {
        if (event.type === "found") resolve(event.found);
        else if (event.type === "failed") reject(new Error(event.message));
      });
    });
  }

  run(request: RunRequest, hear: (event: RunEvent) => void): void {
    this.#start({ type: "run", threads: this.threads, request }, (event) => {
      if (event.type !== "found") hear(event);
    });
  }

  cancel(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}
