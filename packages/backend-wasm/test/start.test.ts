// Helper threads that cannot start: the backend falls back to one thread, and nothing comes later.
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { expect, test } from "vitest";
import { startHelper } from "../src/helper.js";

const run = promisify(execFile);
const cwd = fileURLToPath(new URL("..", import.meta.url));

/** Timers of the child run out within 50 ms, those by which the backend gives a helper up among them. */
const hurry = `
  const later = globalThis.setTimeout;
  globalThis.setTimeout = (callback, delay, ...rest) => later(callback, Math.min(delay, 50), ...rest);
`;

/** A process that makes a backend, disposes of it or not, and outlives its timers. */
const program = (prelude: string, options: string, dispose: boolean): string => `
  ${prelude}
  const { createWasmBackend } = await import("@dlrt/backend-wasm");
  const backend = await createWasmBackend(${options});
  console.log(backend.supports.build, "|", backend.supports.fallback);
  ${dispose ? "await backend.dispose();" : ""}
  await new Promise((resolve) => later(resolve, 300));
  console.log("alive");
`;

const permission =
  process.allowedNodeEnvironmentFlags.has("--permission") && Number.parseInt(process.versions.node, 10) >= 23
    ? "--permission"
    : "--experimental-permission";

/** Where `new Worker` throws at once. */
const causes = [
  { cause: "a relative URL in Node", flags: [], prelude: "", workerUrl: `workerUrl: "./worker.mjs",` },
  {
    cause: "Node's permission model",
    flags: [permission, "--allow-fs-read=*"],
    prelude: "",
    workerUrl: "",
  },
  {
    cause: "a page that may not load the script",
    flags: [],
    // There is neither Node's worker_threads nor a Worker that can be made.
    prelude: `process.getBuiltinModule = undefined;
      globalThis.Worker = class { constructor() { throw new DOMException("cross origin", "SecurityError"); } };`,
    workerUrl: "",
  },
  {
    cause: "a start that cannot be sent to the worker",
    flags: [],
    prelude: `process.getBuiltinModule = undefined;
      globalThis.Worker = class {
        addEventListener() {}
        postMessage() { throw new DOMException("no shared memory", "DataCloneError"); }
        terminate() { console.log("ended"); }
      };`,
    workerUrl: "",
  },
] as const;

test.each(causes.flatMap((cause) => [false, true].map((dispose) => ({ ...cause, dispose }))))(
  "$cause: one thread, why, and no timer that fires later, disposed: $dispose",
  async ({ flags, prelude, workerUrl, dispose }) => {
    const script = program(hurry + prelude, `{ ${workerUrl} threads: 2 }`, dispose);
    const { stdout } = await run(process.execPath, [...flags, "--input-type=module", "-e", script], { cwd });
    expect(stdout).toMatch(
      /^(?:ended\n)?simd \| one thread: helper threads did not start \(.+\); pass workerUrl, .+\nalive\n$/,
    );
  },
);

const nothing = { module: undefined!, memory: undefined!, thread: 1, job: 0, bell: 0, stop: 0, failed: 0 };

test("a helper that never answers is given up after its patience, once", async () => {
  const silent = new URL("data:text/javascript,setInterval(() => undefined, 1000)");
  const gone: string[] = [];
  const helper = startHelper(nothing, silent, (why) => gone.push(why), 50);
  await expect(helper.ready).rejects.toThrow("no answer in 50 ms");
  await helper.terminate();
  expect(gone).toEqual(["no answer in 50 ms"]);
});

test("a helper that cannot be made throws, and calls nobody", async () => {
  const gone: string[] = [];
  expect(() => startHelper(nothing, "./worker.mjs", (why) => gone.push(why), 10)).toThrow(/Invalid URL/);
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(gone).toEqual([]);
});

test("a copy of the helpers' script, in a folder of no package, is a module still", async () => {
  const folder = await mkdtemp(join(tmpdir(), "worker-"));
  const copy = join(folder, "worker.mjs");
  await copyFile(join(cwd, "dist/worker.mjs"), copy);
  const backend = await createWasmBackend({ threads: 2, workerUrl: pathToFileURL(copy) });
  expect(backend.supports.build).toBe("simd+threads (2)");
  await backend.dispose();
  await rm(folder, { recursive: true });
});
