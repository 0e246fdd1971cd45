/**
 * A helper thread. It waits for the bell, then works on the job until no item is left, and so on until it is told to stop. It imports
 * nothing, so that any bundler can ship it as a file of its own.
 */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The number of this thread, from 1 on; 0 is the thread that owns the backend. */
  readonly thread: number;
  /** The address of the job record. */
  readonly job: number;
  /** The indices of the words on which threads wait (src/job.ts). */
  readonly bell: number;
  readonly stop: number;
  readonly failed: number;
}

/** What Node's parentPort and a worker's global scope have in common. */
interface Port {
  postMessage(value: unknown): void;
  on?(event: "message", listener: (start: Start) => void): void;
  addEventListener?(type: "message", listener: (event: { data: Start }) => void): void;
}

function serve({ module, memory, thread, job, bell, stop, failed }: Start, port: Port): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const work = exports["work"] as (job: number, thread: number) => void;
  // When a shared memory grows, its earlier buffers stay valid, so this array serves for good.
  const words = new Int32Array(memory.buffer);
  let heard = Atomics.load(words, bell);
  port.postMessage("ready");
  for (;;) {
    Atomics.wait(words, bell, heard);
    heard = Atomics.load(words, bell);
    if (Atomics.load(words, stop)) return;
    try {
      work(job, thread);
    } catch (error) {
      Atomics.add(words, failed, 1);
      throw error;
    }
  }
}

const { process } = globalThis as {
  process?: { getBuiltinModule?: (name: string) => { parentPort?: Port | null } };
};
const parent = process?.getBuiltinModule?.("node:worker_threads").parentPort;
if (parent) parent.on!("message", (start) => serve(start, parent));
else {
  const scope = globalThis as unknown as Port;
  scope.addEventListener!("message", ({ data }) => serve(data, scope));
}
