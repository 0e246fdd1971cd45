// A helper that fails once, in the way the environment names; the one started in its place works.
import { parentPort } from "node:worker_threads";

const REMAINING = 16;
const STARTS = 200;
const how = process.env["FAULT"];

parentPort.on("message", ({ module, memory, thread, job, bell, stop, failed }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const words = new Int32Array(memory.buffer);
  const faulty = Atomics.add(words, STARTS, 1) === 0;
  let heard = Atomics.load(words, bell);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
  parentPort.postMessage("ready");
  if (faulty && how === "leaves") process.exit(3);
  while (faulty) {
    if (Atomics.load(words, REMAINING) <= 0 || Atomics.sub(words, REMAINING, 1) <= 0) continue;
    if (how === "hangs") Atomics.wait(words, STARTS, 1);
    Atomics.add(words, failed, 1);
    throw new Error("trapped");
  }
  for (;;) {
    Atomics.wait(words, bell, heard);
    heard = Atomics.load(words, bell);
    if (Atomics.load(words, stop)) return;
    exports.work(job, thread);
  }
});
