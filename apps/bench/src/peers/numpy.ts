import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatArray } from "@dlrt/core";
import type { Contender, Missing } from "../harness/contenders/contender.js";
import type { OperationName } from "../harness/operations/operation.js";
import type { Problem } from "../harness/workload/problem.js";
import { noDecay } from "./no-decay.js";
import { Python } from "./python.js";

const CHUNK = 64;

/** What the program says when it is up. */
interface Found {
  readonly numpy: string;
  /** NumPy alone has no trtri. */
  readonly scipy: string | null;
}

/** numpy where python3 has it; else the reason. One BLAS thread. */
export async function openNumpy(): Promise<Contender | Missing> {
  const python = new Python("numpy-peer.py");
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
