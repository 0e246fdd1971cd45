import { UnsupportedError, ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import { nodeBuiltin } from "./node.js";
import type { WasmModule, WebUrl } from "./wasm-types.js";

/** The two builds: one without threads, and one with threads over shared memory. */
export type Build = "simd" | "simd+threads";

/** Names one of the four modules: each build exists without and with fused multiply-add (relaxed SIMD). */
export interface Kind {
  readonly build: Build;
  readonly relaxed: boolean;
}

/** Says where a build's bytes are. */
export interface Source {
  readonly module?: WasmModule | undefined;
  readonly wasmUrl?: string | WebUrl | undefined;
}

export interface Compiled extends Kind {
  readonly module: WasmModule;
}

const files: Record<Build, readonly [plain: () => Promise<File>, relaxed: () => Promise<File>]> = {
  simd: [() => import("./generated/simd.js"), () => import("./generated/relaxed-simd.js")],
  "simd+threads": [
    () => import("./generated/simd-threads.js"),
    () => import("./generated/relaxed-simd-threads.js"),
  ],
};

interface File {
  readonly base64: string;
}

/**
 * The given module, or that at the URL, or the embedded one of its kind; compiled, not on the calling thread's time.
 * @throws (rejects with) ValueError for a module or a file that is none of this package's; UnsupportedError where the
 * engine refuses to compile it
 */
export async function compile({ module, wasmUrl }: Source, kind: Kind): Promise<Compiled> {
  checkEngine();
  if (module !== undefined) return known("module", module);
  if (wasmUrl !== undefined) return known("wasmUrl", await fetchModule(wasmUrl));
  return known("backend", await embedded(kind));
}

/** Tells by its exports which build a module is. */
function known(argument: string, module: WasmModule): Compiled {
  const expected = "one of this package's .wasm files, of this version, compiled";
  let exported: readonly string[];
  let imported: readonly string[];
  try {
    exported = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
    imported = WebAssembly.Module.imports(module).map(
      (entry) => `${entry.kind} ${entry.module}.${entry.name}`,
    );
  } catch {
    throw new ValueError(argument, expected, describe(module));
  }
  if (!exported.includes("function work") || !exported.includes("function scratchBytes")) {
    throw new ValueError(argument, expected, "a module that does not export work and scratchBytes");
  }
  if (imported.join() !== "memory env.memory") {
    throw new ValueError(argument, expected, `a module that imports ${imported.join(", ") || "nothing"}`);
  }
  return {
    module,
    build: exported.includes("function shared") ? "simd+threads" : "simd",
    relaxed: exported.includes("function relaxed"),
  };
}

/** Compiles the bytes. It tells an engine that cannot run them from one that is forbidden to compile anything. */
async function compileBytes(argument: string, bytes: BufferSource): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    // The test goes by name, because a page in another realm may have replaced the engine's own class of error; the
    // refusal of a policy is such an error too.
    if (!(error instanceof Error) || !/CompileError|EvalError/.test(error.name)) throw error;
    const expected = WebAssembly.validate(bytes) ? MAY_COMPILE : "an engine with WebAssembly SIMD";
    throw new UnsupportedError(argument, expected, error.message);
  }
}

const MAY_COMPILE =
  "a runtime that may compile WebAssembly: a Content-Security-Policy with 'wasm-unsafe-eval', or the option `module` with one of this " +
  "package's .wasm files compiled ahead (Cloudflare Workers)";
const MAY_IMPORT =
  "a runtime with import(): bundle the program (a service worker has none), or give the option `wasmUrl` or `module`";

/** @throws UnsupportedError where there is no WebAssembly at all */
function checkEngine(): void {
  if (typeof WebAssembly === "object") return;
  const expected = "an engine with WebAssembly; @dlrt/backend-js needs none";
  throw new UnsupportedError("backend", expected, "one without");
}

async function embedded({ build, relaxed }: Kind): Promise<WebAssembly.Module> {
  const file = await files[build][relaxed ? 1 : 0]().catch((error: unknown) => {
    throw new UnsupportedError("backend", MAY_IMPORT, messageOf(error));
  });
  const bytes = Uint8Array.from(atob(file.base64), (character) => character.charCodeAt(0));
  return compileBytes("backend", bytes);
}

/** The bytes of a module with one function of three vectors, which is a single f32x4.relaxed_madd. */
const MADD = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[10, 16, 1, 14, 1, 1, 0x7b, 0x20, 0, 0x20, 0, 0x20, 0, 0xfd, 0x85, 0x02, 0x1a, 0x0b],
);

/** Tells whether this engine has relaxed SIMD. */
export function hasRelaxedSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(MADD);
}

async function fetchModule(url: string | WebUrl): Promise<WebAssembly.Module> {
  const bytes = await fetchBytes(url).catch((cause: unknown) => {
    if (cause instanceof ValueError) throw cause;
    const error = new ValueError(
      "wasmUrl",
      "the URL of a .wasm file",
      `${describe(String(url))}: ${messageOf(cause)}`,
    );
    error.cause = cause;
    throw error;
  });
  return compileBytes("wasmUrl", bytes);
}

async function fetchBytes(url: string | WebUrl): Promise<BufferSource> {
  const file = nodeBuiltin("node:fs/promises");
  if (file && String(url).startsWith("file:"))
    return file.readFile(new URL(url)) as Promise<Uint8Array<ArrayBuffer>>;
  const response = await fetch(url);
  if (response.ok) return response.arrayBuffer();
  throw new ValueError("wasmUrl", "the URL of a .wasm file", `HTTP ${response.status} for ${String(url)}`);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : describe(error);
}
