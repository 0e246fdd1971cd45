// What is disposed keeps no memory, however long somebody refers to it.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const cwd = fileURLToPath(new URL("..", import.meta.url));

const program = (threads: number): string => `
  const { createWasmBackend } = await import("@dlrt/backend-wasm");
  const { solve } = await import("@dlrt/core");
  const held = [];
  let memory;
  await (async () => {
    const backend = await createWasmBackend({ threads: ${threads} });
    const [diag, q, k, b, early] = [1, 2, 2, 3, 4].map((cols) => backend.empty([1, 50, cols]));
    for (const t of [diag, q, k, b]) t.data.fill(1);
    memory = new WeakRef(b.storage);
    early.data.fill(2);
    early.dispose();
    const y = solve(backend, { diag, q, k }, b);
    held.push(backend, backend.kernels, diag, y, early);
    await backend.dispose();
  })();
  for (let round = 0; round < 100 && memory.deref(); round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  console.log(held.length, memory.deref() === undefined, held[0].supports.build);
`;

test.each([
  { threads: 1, build: "simd" },
  { threads: 2, build: "simd+threads (2)" },
])(
  "a disposed backend, its kernels and its tensors do not keep the memory, $threads threads",
  async ({ threads, build }) => {
    const flags = ["--expose-gc", "--input-type=module", "-e", program(threads)];
    const { stdout } = await run(process.execPath, flags, { cwd });
    expect(stdout).toBe(`5 true ${build}\n`);
  },
);
