// Compiles assembly/ into dist/*.wasm, embeds the four builds as base64 in src/generated, one module each, and writes there
// what the host has to know of the job record and of the kernels' sizes (record.mjs).
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { dirname, join } from "node:path";
import { recordModule } from "./record.mjs";

const root = new URL("..", import.meta.url).pathname;
const asc = join(
  dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")),
  "bin/asc.js",
);
const gzipLimit = 60_000;

// Warnings that say nothing here. 201: usize and i32 are mixed freely, since this is wasm32 only. 112: functions that take vectors
// cannot be called from JavaScript, and are not among the module's exports.
const quiet = ["--disableWarning", "201", "--disableWarning", "112"];
const common = ["-O3", "--noAssert", "--runtime", "stub", ...quiet, "--enable", "simd"];
const memory = ["--importMemory", "--initialMemory", "1", "--maximumMemory", "65535"];
const threads = ["--enable", "threads", "--sharedMemory"];
const relaxedSimd = ["--enable", "relaxed-simd"];

function compile(name, entries, options) {
  const file = `dist/${name}.wasm`;
  const sources = entries.map((entry) => `assembly/${entry}.ts`);
  execFileSync(process.execPath, [asc, ...sources, ...common, ...options, "-o", file], {
    cwd: root,
    stdio: "inherit",
  });
  return readFileSync(join(root, file));
}

/** Whether a module brings data of its own (its section 11). */
function hasData(bytes) {
  for (let at = 8; at < bytes.length;) {
    const id = bytes[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (id === 11) return true;
    at += length;
  }
  return false;
}

function embed(name, bytes) {
  if (hasData(bytes))
    throw new Error(`${name}.wasm: expected no static data, since it would lie where the arena puts tensors`);
  const zipped = gzipSync(bytes).length;
  if (zipped > gzipLimit)
    throw new Error(`${name}.wasm: expected at most ${gzipLimit} bytes gzipped, got ${zipped}`);
  writeFileSync(
    join(root, `src/generated/${name}.ts`),
    `export const base64: string =\n  "${bytes.toString("base64")}";\n`,
  );
}

mkdirSync(join(root, "dist"), { recursive: true });
mkdirSync(join(root, "src/generated"), { recursive: true });
writeFileSync(
  join(root, "src/generated/record.ts"),
  recordModule((name) => readFileSync(join(root, `assembly/${name}.ts`), "utf8")),
);
for (const relaxed of [false, true]) {
  for (const threaded of [false, true]) {
    const name = `${relaxed ? "relaxed-" : ""}simd${threaded ? "-threads" : ""}`;
    const entries = ["index", ...(threaded ? ["shared"] : []), ...(relaxed ? ["relaxed"] : [])];
    embed(
      name,
      compile(name, entries, [...memory, ...(threaded ? threads : []), ...(relaxed ? relaxedSimd : [])]),
    );
  }
}

// What `import module from "@dlrt/backend-wasm/simd.wasm"` gives where the runtime or the bundler compiles it.
writeFileSync(
  join(root, "dist/wasm-module.d.ts"),
  'import type { WasmModule } from "./wasm-types.js";\n\ndeclare const module: WasmModule;\nexport default module;\n',
);
