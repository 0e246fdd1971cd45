// Runs Cloudflare's runtime, which compiles no WebAssembly, on Linux. It takes a quarter of a minute on two cores, most of it to install.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { npmInstall } from "../install.mjs";
import { ANSWER, IMPORTS, right } from "../programs.mjs";

const user = inject("user");
const folder = join(user, "workerd-app");
const packaged = `@cloudflare/workerd-linux-${process.arch === "x64" ? "64" : process.arch}`;
const binary = join(user, "node_modules", packaged, "bin/workerd");
const MODULES = { simd: "@dlrt/backend-wasm/simd.wasm", shared: "@dlrt/backend-wasm/simd-threads.wasm" };

/** The worker. The path of a request has its options: the name of a module, and the number of threads. */
const WORKER = `${IMPORTS()}
import simd from "${MODULES.simd}";
import shared from "${MODULES.shared}";
${ANSWER}
export default {
  async fetch(request) {
    const [name, threads] = new URL(request.url).pathname.slice(1).split("/");
    if (name === "js") return Response.json(await answer(createJsBackend));
    const module = { simd, shared }[name];
    return Response.json(await answer(createWasmBackend, { ...(module && { module }), ...(threads && { threads: Number(threads) }) }));
  },
};`;

/** The configuration for a worker of a day. The days under test lie before and after the one since which workers have Node's modules by default. */
const config = (day) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [
      (name = "worker", esModule = embed "worker.bundle.js"),
      (name = "${MODULES.simd}", wasm = embed "simd.wasm"),
      (name = "${MODULES.shared}", wasm = embed "simd-threads.wasm"),
    ],
    compatibilityDate = "${day}"))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);`;

beforeAll(async () => {
  await npmInstall(user, "workerd@1.20261117.1");
  mkdirSync(folder, { recursive: true });
  for (const name of ["simd", "simd-threads"]) {
    copyFileSync(
      join(user, `node_modules/@dlrt/backend-wasm/dist/${name}.wasm`),
      join(folder, `${name}.wasm`),
    );
  }
  const entry = join(folder, "worker.js");
  writeFileSync(entry, WORKER);
  await build({
    ...{ entryPoints: [entry], outfile: join(folder, "worker.bundle.js"), bundle: true, format: "esm" },
    ...{ target: "es2022", external: ["*.wasm"], logLevel: "silent" },
  });
});

/** Starts workerd. @returns {Promise<[string, () => void]>} its address, and a function that ends it */
async function start(day) {
  writeFileSync(join(folder, `${day}.capnp`), config(day));
  const child = spawn(binary, ["serve", `${day}.capnp`, "--control-fd=3"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const said = [];
  child.stderr.on("data", (data) => said.push(data));
  const port = await new Promise((resolve, reject) => {
    child.stdio[3].on("data", (line) => {
      const [, found] = /"port":\s*(\d+)/.exec(String(line)) ?? [];
      if (found) resolve(found);
    });
    child.on("exit", (code) => reject(new Error(`workerd ended with ${code}: ${said.join("")}`)));
  });
  return [`http://127.0.0.1:${port}`, () => child.kill()];
}

test.runIf(process.platform === "linux")("npm brings workerd for Linux", () => {
  expect(existsSync(binary)).toBe(true);
});

describe.skipIf(process.platform !== "linux").each(["2026-07-01", "2026-11-01"])("workerd of %s", (day) => {
  let address, end;
  beforeAll(async () => ([address, end] = await start(day)));
  afterAll(() => end?.());
  const ask = async (path) => (await fetch(`${address}/${path}`)).json();

  test("a module compiled ahead computes, with `threads: 1` and without", async () => {
    expect(await ask("simd/1")).toEqual(right("simd"));
    expect(await ask("simd")).toEqual(right("simd"));
    expect(await ask("js")).toEqual(right("js"));
  });

  test("threads it has none: one thread, and what to pass", async () => {
    const fallback = expect.stringMatching(/^one thread: /);
    expect(await ask("simd/2")).toEqual({ ...right("simd"), fallback });
    const shared = {
      ...right("simd+threads (1)"),
      fallback: expect.stringMatching(/^one thread: .*threads: 1/),
    };
    expect(await ask("shared/2")).toEqual(shared);
  });

  test("without a module: the typed error that asks for one", async () => {
    for (const path of ["none", "none/1", "none/2"]) {
      expect(await ask(path)).toEqual({
        ...{ error: "UnsupportedError", argument: "backend" },
        message: expect.stringMatching(/the option `module` .*Cloudflare Workers/),
      });
    }
  });
});
