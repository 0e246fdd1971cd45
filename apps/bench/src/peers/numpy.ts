import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { FloatArray } from "@dlrt/core";
import type { Contender, Missing } from "../contender.js";
import type { OperationName } from "../operations/operation.js";
import type { Problem } from "../workload/problem.js";
import { noDecay } from "./no-decay.js";

const CHUNK = 64;

const PROGRAM = join(import.meta.dirname, "..", "..", "assets", "numpy-peer.py");

/** What the program says when it is up. */
interface Found {
  readonly numpy: string;
  /** NumPy alone has no trtri. */
  readonly scipy: string | null;
}

/** A Python that waits for lines. */
class Python {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #said = "";
  #ended: Error | undefined;

  constructor() {
    const env = { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
    this.#child = spawn("python3", [PROGRAM], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface(this.#child.stdout!);
    this.#lines.on("line", (line) => this.#waiting.shift()?.resolve(line));
    this.#child.stdin!.on("error", () => undefined); // it ended: told by "close"
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

/** numpy where python3 has it; else the reason. One BLAS thread. */
export async function openNumpy(): Promise<Contender | Missing> {
  const python = new Python();
  try {
    return contender(python, JSON.parse(await python.line()) as Found);
  } catch (error) {
    python.end();
    return { name: "numpy", reason: (error as Error).message };
  }
}

function contender(python: Python, { numpy, scipy }: Found): Contender {
  return {
    name: "numpy",
    kind: "peer",
    slow: true,
    build:
      `${numpy}, one thread; solve: the article's program, chunk ${CHUNK}` +
      (scipy ? `; inverse: forms T, then trtri of scipy ${scipy}` : ""),
    refuses({ name }, problem) {
      if (name === "solve") return noDecay(problem);
      if (name !== "inverse") return "solves and inverts only";
      return scipy ? noDecay(problem) : "no scipy: trtri";
    },
    open({ name }, problem) {
      const folder = mkdtempSync(join(tmpdir(), "dlrt-numpy-"));
      const opened = put(python, folder, name, problem);
      return {
        call: async () => {
          await opened;
          await python.ask({ chunk: CHUNK });
        },
        read: async () => {
          const file = join(folder, "out");
          await python.ask({ save: file });
          const { buffer, byteOffset, byteLength } = readFileSync(file);
          const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
          return [problem.dtype === "f32" ? new Float32Array(bytes) : new Float64Array(bytes)];
        },
        close: () => rmSync(folder, { recursive: true, force: true }),
      };
    },
    dispose: async () => python.end(),
  };
}

function put(python: Python, folder: string, operation: OperationName, problem: Problem): Promise<string> {
  const { batch, n, r, p, dtype } = problem;
  for (const name of ["diag", "q", "k", "b"] as const) {
    const data: FloatArray = problem[name];
    writeFileSync(join(folder, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return python.ask({
    open: [batch, n, r, p],
    ...{ operation, folder, dtype: dtype === "f32" ? "float32" : "float64" },
  });
}
