import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** An array in memory that threads share. */
export function shared(type, from) {
  const length = typeof from === "number" ? from : from.length;
  const array = new type(new SharedArrayBuffer(length * type.BYTES_PER_ELEMENT));
  if (typeof from !== "number") array.set(from);
  return array;
}

/** Threads that have one set of parameters, and each its own gradients. */
export class Team {
  #workers;

  /** @param {Float32Array} parameters in shared memory; read by every thread at each question */
  constructor(count, sizes, parameters) {
    this.count = count;
    this.gradients = Array.from({ length: count }, () => shared(Float32Array, parameters.length));
    this.#workers = this.gradients.map(
      (gradients) =>
        new Worker(new URL("./worker.mjs", import.meta.url), {
          workerData: { sizes, parameters, gradients },
        }),
    );
  }

  /** Asks every thread something of its own, and waits for all the answers. */
  ask(question, given = () => ({})) {
    return Promise.all(
      this.#workers.map(async (worker, i) => {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
        worker.postMessage({ question, ...given(i) });
        const [{ answer, error }] = await once(worker, "message");
        if (error) throw error;
        return answer;
      }),
    );
  }

  /** Adds all gradients to those of the first thread, divided by their number, always in one order: the same bits every time. */
  meanGradients() {
    const [mean, ...others] = this.gradients;
    for (let i = 0; i < mean.length; i++) {
      let sum = mean[i];
      for (const other of others) sum += other[i];
      mean[i] = sum / this.count;
    }
    return mean;
  }

  async end() {
    const left = await this.ask("end");
    await this.terminate();
    return left;
  }

  terminate() {
    return Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
