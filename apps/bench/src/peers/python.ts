import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Dtype, FloatArray } from "@dlrt/core";
import { messageOf, type Missing } from "../harness/index.js";

/** A Python that runs a program of assets/ and waits for lines. One BLAS thread. */
export class Python {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #said = "";
  #ended: Error | undefined;

  constructor(program: string) {
    const path = join(import.meta.dirname, "..", "..", "assets", program);
    const env = { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
    this.#child = spawn("python3", [path], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface(this.#child.stdout!);
    this.#lines.on("line", (line) => this.#waiting.shift()?.resolve(line));
    this.#child.stdin!.on("error", () => undefined); // it has ended, which "close" tells
    this.#child.stderr!.on("data", (text) => (this.#said += String(text)));
    const end = (why: string): void => {
      this.#ended ??= new Error(why);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    };
    this.#child.on("error", (error) => end(error.message));
    this.#child.on("close", () => end(this.#said.trim().split("\n").at(-1) ?? "python3 ended"));
  }

  line(): Promise<string> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  ask(job: object): Promise<string> {
    const answer = this.line();
    this.#child.stdin!.write(`${JSON.stringify(job)}\n`);
    return answer;
  }

  end(): void {
    this.#child.kill();
  }
}

/** Starts a program and makes a contender of it, with the versions that it prints first; returns the reason where it ends instead. */
export async function openPython<Versions, C>(
  program: string,
  contender: (python: Python, versions: Versions) => C,
): Promise<C | Missing> {
  const python = new Python(program);
  try {
    return contender(python, JSON.parse(await python.line()) as Versions);
  } catch (error) {
    python.end();
    return { name: "numpy", reason: messageOf(error) };
  }
}

/** A folder through which a program gets its arrays and gives its results, a file of elements each. */
export class ArrayFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), "dlrt-numpy-"));

  write(arrays: Readonly<Record<string, FloatArray | undefined>>): void {
    for (const [name, data] of Object.entries(arrays)) {
      if (data === undefined) continue;
      writeFileSync(join(this.path, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }

  read(name: string, dtype: Dtype): FloatArray {
    const { buffer } = Uint8Array.from(readFileSync(join(this.path, name)));
    return dtype === "f32" ? new Float32Array(buffer) : new Float64Array(buffer);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
