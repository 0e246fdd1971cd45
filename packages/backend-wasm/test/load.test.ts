import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { createWasmBackend, type WasmBackendOptions } from "@dlrt/backend-wasm";
import { solve } from "@dlrt/core";
import { afterEach, expect, test, vi } from "vitest";
import { problem } from "./problem.js";

const require = createRequire(import.meta.url);
const wasmFile = (name: string): string => require.resolve(`@dlrt/backend-wasm/${name}.wasm`);
const compiled = async (name: string): Promise<WebAssembly.Module> =>
  WebAssembly.compile(new Uint8Array(await readFile(wasmFile(name))));

/** What `supports` says, after a solve whose result is demanded to be finite. */
async function made(options: WasmBackendOptions): Promise<{ build: string; fallback: string | undefined }> {
  const backend = await createWasmBackend(options);
  const { op, b } = problem(backend, "f32", [1, 500, 32, 40]);
  expect(solve(backend, op, b).data.every(Number.isFinite)).toBe(true);
  const { build, fallback } = backend.supports;
  await backend.dispose();
  return { build, fallback };
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("by default the build with threads is taken where there is more than one processor", async () => {
  const { availableParallelism } = await import("node:os");
  const processors = Math.min(8, availableParallelism());
  const build = processors > 1 ? `simd+threads (${processors})` : "simd";
  expect(await made({})).toEqual({ build, fallback: undefined });
});

test("one thread, asked for, is the build without, and no fallback", async () => {
  expect(await made({ threads: 1 })).toEqual({ build: "simd", fallback: undefined });
  expect(await made({ build: "simd" })).toEqual({ build: "simd", fallback: undefined });
});

test("relaxed SIMD where it is asked for and the engine has it, else why not", async () => {
  expect(await made({ relaxed: true, threads: 1 })).toEqual({ build: "relaxed-simd", fallback: undefined });
  expect(await made({ relaxed: true, threads: 2 })).toEqual({
    build: "relaxed-simd+threads (2)",
    fallback: undefined,
  });
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  const fallback = "no fused multiply-add: this engine has no relaxed SIMD";
  expect(await made({ relaxed: true, threads: 1 })).toEqual({ build: "simd", fallback });
  expect(await made({ relaxed: true, threads: 2 })).toEqual({ build: "simd+threads (2)", fallback });
  vi.stubGlobal("crossOriginIsolated", false);
  expect(await made({ relaxed: true, threads: 2 })).toEqual({
    build: "simd",
    fallback: expect.stringMatching(/^one thread: .*COOP.*; no fused multiply-add/),
  });
});

test("a page that is not cross-origin isolated gets one thread, and why", async () => {
  vi.stubGlobal("crossOriginIsolated", false);
  expect(await made({ threads: 2 })).toEqual({ build: "simd", fallback: expect.stringContaining("COOP") });
});

test("no SharedArrayBuffer: one thread, and why", async () => {
  vi.stubGlobal("SharedArrayBuffer", undefined);
  expect(await made({ threads: 2 })).toEqual({
    build: "simd",
    fallback: expect.stringContaining("SharedArrayBuffer"),
  });
});

test("a helper script that does not load: one thread, and why", async () => {
  const workerUrl = new URL("./absent.mjs", import.meta.url);
  const fallback = expect.stringContaining("absent.mjs");
  expect(await made({ threads: 2, workerUrl })).toEqual({ build: "simd", fallback });
  expect(await made({ threads: 2, workerUrl, relaxed: true })).toEqual({ build: "relaxed-simd", fallback });
});

test("a precompiled module is taken for the build it is", async () => {
  expect(await made({ module: await compiled("simd"), threads: 1 })).toEqual({
    build: "simd",
    fallback: undefined,
  });
  expect(await made({ module: await compiled("simd"), threads: 2 })).toEqual({
    build: "simd",
    fallback: expect.stringContaining("module"),
  });
  for (const relaxed of ["", "relaxed-"]) {
    expect(await made({ module: await compiled(`${relaxed}simd-threads`), threads: 2 })).toEqual({
      build: `${relaxed}simd+threads (2)`,
      fallback: undefined,
    });
  }
  vi.stubGlobal("crossOriginIsolated", false);
  await expect(
    createWasmBackend({ module: await compiled("simd-threads"), threads: 2 }),
  ).rejects.toMatchObject({
    code: "UNSUPPORTED",
  });
});

test("a URL of a .wasm file is fetched", async () => {
  const wasmUrl = new URL(`file://${wasmFile("simd")}`);
  expect(await made({ wasmUrl, threads: 1 })).toEqual({ build: "simd", fallback: undefined });
  const bytes = await readFile(wasmFile("simd-threads"));
  const answer = vi.fn<typeof fetch>(async () => new Response(new Uint8Array(bytes)));
  vi.stubGlobal("fetch", answer);
  expect((await made({ wasmUrl: "https://example.test/simd-threads.wasm", threads: 2 })).build).toBe(
    "simd+threads (2)",
  );
  expect(answer).toHaveBeenCalledWith("https://example.test/simd-threads.wasm");
  vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
  await expect(createWasmBackend({ wasmUrl: "https://example.test/absent.wasm" })).rejects.toThrow("404");
});

test.each([0, -1, 1.5, 65, Number.NaN, "many"])("threads: %s is refused", async (threads) => {
  await expect(createWasmBackend({ threads: threads as number })).rejects.toMatchObject({ code: "VALUE" });
});

test.each([
  { module: new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)) },
  { module: null },
  { module: {} },
  { module: "simd.wasm" },
  { wasmUrl: 7 },
  { wasmUrl: "" },
  { wasmUrl: { href: "x" } },
  { wasmUrl: "no address:" },
  { wasmUrl: new URL("./absent.wasm", import.meta.url) },
  { workerUrl: 7 },
  { workerUrl: null },
  { workerUrl: "" },
  { workerUrl: [] },
])("%o is refused by name", async (options) => {
  const [argument] = Object.keys(options);
  const created = createWasmBackend({ threads: 2, ...(options as WasmBackendOptions) });
  await expect(created).rejects.toMatchObject({ code: "VALUE", argument });
});

test("a file that is no module, or another's, is refused by name", async () => {
  const here = new URL(import.meta.url);
  await expect(createWasmBackend({ wasmUrl: here, threads: 1 })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    argument: "wasmUrl",
  });
  vi.stubGlobal("fetch", async () => new Response(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)));
  const created = createWasmBackend({ wasmUrl: "https://example.test/empty.wasm", threads: 1 });
  await expect(created).rejects.toMatchObject({ code: "VALUE", argument: "wasmUrl" });
});

test("a build that there is not is refused", async () => {
  await expect(createWasmBackend({ build: "threads" as "simd" })).rejects.toMatchObject({
    code: "VALUE",
    message: expect.stringMatching(/build.*"simd\+threads".*threads/),
  });
});

test("an engine without SIMD, and one that may not compile, are told apart, with the remedy", async () => {
  const refuse = (error: Error): void => {
    vi.spyOn(WebAssembly, "compile").mockRejectedValueOnce(error);
  };
  refuse(new WebAssembly.CompileError("no SIMD"));
  vi.spyOn(WebAssembly, "validate").mockReturnValueOnce(false);
  await expect(createWasmBackend({ threads: 1 })).rejects.toMatchObject({
    name: "UnsupportedError",
    message: /an engine with WebAssembly SIMD.*no SIMD/,
  });
  refuse(new WebAssembly.CompileError("Wasm code generation disallowed by embedder"));
  await expect(createWasmBackend({ threads: 1 })).rejects.toMatchObject({
    name: "UnsupportedError",
    message: /'wasm-unsafe-eval'.*`module`.*disallowed by embedder/,
  });
  vi.restoreAllMocks();
});

test("without WebAssembly: an UnsupportedError that names the backend which needs none", async () => {
  const script = `const { createWasmBackend } = await import("@dlrt/backend-wasm");
    await createWasmBackend({ relaxed: true }).catch((error) => console.log(error.name, error.message));`;
  const flags = ["--no-expose-wasm", "--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, flags, {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
  });
  expect(stdout).toMatch(/^UnsupportedError backend: expected .*@dlrt\/backend-js/);
});

test.each(["simd", "simd-threads", "relaxed-simd", "relaxed-simd-threads"])(
  "%s.wasm: imports nothing but its memory, 60 kB gzipped at most",
  async (name) => {
    const module = await compiled(name);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    expect(gzipSync(await readFile(wasmFile(name))).length).toBeLessThan(60_000);
  },
);

test.each(["simd", "simd-threads"])(
  "%s.wasm never fuses, and its relaxed twin does, in both types",
  async (name) => {
    const f32 = Buffer.of(0xfd, 0x85, 0x02); // f32x4.relaxed_madd
    const f64 = Buffer.of(0xfd, 0x87, 0x02); // f64x2.relaxed_madd
    const [plain, relaxed] = await Promise.all(
      [name, `relaxed-${name}`].map((file) => readFile(wasmFile(file))),
    );
    expect([f32, f64].map((opcode) => plain!.includes(opcode))).toEqual([false, false]);
    expect([f32, f64].map((opcode) => relaxed!.includes(opcode))).toEqual([true, true]);
  },
);

const run = promisify(execFile);
const cwd = fileURLToPath(new URL("..", import.meta.url));
const program = `({ createWasmBackend }) => createWasmBackend({ threads: 2 }).then((b) => console.log(b.supports.build))`;

test("a process with helpers that nobody disposed of still ends", async () => {
  const { stdout } = await run(
    process.execPath,
    ["--input-type=module", "-e", `import("@dlrt/backend-wasm").then(${program})`],
    { cwd },
  );
  expect(stdout).toBe("simd+threads (2)\n");
});

test("require() works too", async () => {
  const { stdout } = await run(process.execPath, ["-e", `(${program})(require("@dlrt/backend-wasm"))`], {
    cwd,
  });
  expect(stdout).toBe("simd+threads (2)\n");
});
