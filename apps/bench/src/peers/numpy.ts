import { join } from "node:path";
import type { Contender, Missing } from "../harness/index.js";
import { noDecay } from "./library.js";
import { ArrayFolder, openPython, type Python } from "./python.js";

const CHUNK = 64;

interface Versions {
  readonly numpy: string;
  /** Present where SciPy is: NumPy alone has no trtri. */
  readonly scipy: string | null;
}

/** Opens numpy, with one BLAS thread, where python3 has it; else returns the reason. */
export const openNumpy = (): Promise<Contender | Missing> => openPython("numpy-peer.py", contender);

function contender(python: Python, { numpy, scipy }: Versions): Contender {
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
    open({ name: operation }, { batch, n, r, p, dtype, diag, q, k, b }) {
      const folder = new ArrayFolder();
      folder.write({ diag, q, k, b });
      const opened = python.ask({
        ...{ open: [batch, n, r, p], operation, folder: folder.path },
        dtype: dtype === "f32" ? "float32" : "float64",
      });
      return {
        call: async () => {
          await opened;
          await python.ask({ chunk: CHUNK });
        },
        read: async () => {
          await python.ask({ save: join(folder.path, "out") });
          return [folder.read("out", dtype)];
        },
        close: () => folder.remove(),
      };
    },
    dispose: async () => python.end(),
  };
}
