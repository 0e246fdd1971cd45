import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { FloatArray } from "@dlrt/core";
import type { Contender, Missing } from "../contender.js";
import type { Problem } from "../workload/problem.js";

const CHUNK = 64;

/**
 * The seed article's chunk program, all heads at once: T_cc by a product, NumPy's LAPACK for T_cc Y_c = B_c − Q_c Z.
 * It answers each line of its input; arrays pass through files.
 */
const PROGRAM = `
import sys, json, numpy as np
def solve(diag, q, k, b, c):
    h, n, r = q.shape
    y, z = np.empty_like(b), np.zeros((h, r, b.shape[2]), b.dtype)
    i = np.arange(c)
    for l in range(0, n, c):
        qc, kc = q[:, l:l + c], k[:, l:l + c]
        m = qc.shape[1]
        t = np.tril(qc @ kc.swapaxes(1, 2), -1)
        t[:, i[:m], i[:m]] = diag[:, l:l + c]
        y[:, l:l + c] = np.linalg.solve(t, b[:, l:l + c] - qc @ z)
        z += kc.swapaxes(1, 2) @ y[:, l:l + c]
    return y
print(np.__version__, flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if "open" in job:
        h, n, r, p = job["open"]
        load = lambda name, *shape: np.fromfile(job["folder"] + "/" + name, job["dtype"]).reshape(shape)
        diag, q, k, b = load("diag", h, n), load("q", h, n, r), load("k", h, n, r), load("b", h, n, p)
    elif "save" in job:
        y.tofile(job["save"])
    else:
        y = solve(diag, q, k, b, job["chunk"])
    print("done", flush=True)
`;

/** A Python that waits for lines. */
class Python {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #said = "";

  constructor() {
    const env = { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
    this.#child = spawn("python3", ["-c", PROGRAM], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface(this.#child.stdout!);
    this.#lines.on("line", (line) => this.#waiting.shift()?.resolve(line));
    this.#child.stdin!.on("error", () => undefined); // it ended: told by "close"
    this.#child.stderr!.on("data", (text) => (this.#said += String(text)));
    const end = (why: string): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(why));
    };
    this.#child.on("error", (error) => end(error.message));
    this.#child.on("close", () => end(this.#said.trim().split("\n").at(-1) ?? "python3 ended"));
  }

  line(): Promise<string> {
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
    const version = await python.line();
    return contender(python, version);
  } catch (error) {
    python.end();
    return { name: "numpy", reason: (error as Error).message };
  }
}

function contender(python: Python, version: string): Contender {
  return {
    name: "numpy",
    kind: "peer",
    slow: true,
    build: `${version}, the article's chunk program, chunk ${CHUNK}, one thread`,
    refuses: ({ name }) => (name === "solve" ? undefined : "solves only"),
    open(_, problem) {
      const folder = mkdtempSync(join(tmpdir(), "dlrt-numpy-"));
      const opened = put(python, folder, problem);
      return {
        call: async () => {
          await opened;
          await python.ask({ chunk: CHUNK });
        },
        read: async () => {
          const file = join(folder, "y");
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

function put(python: Python, folder: string, problem: Problem): Promise<string> {
  const { batch, n, r, p, dtype } = problem;
  for (const name of ["diag", "q", "k", "b"] as const) {
    const data: FloatArray = problem[name];
    writeFileSync(join(folder, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return python.ask({ open: [batch, n, r, p], folder, dtype: dtype === "f32" ? "float32" : "float64" });
}
