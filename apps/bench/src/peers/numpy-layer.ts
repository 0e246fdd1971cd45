import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Missing } from "../harness/contenders/contender.js";
import { Python } from "./python.js";
import { NO_SOFTMAX, type LayerContender } from "../harness/layer/contender.js";
import type { LayerProblem } from "../harness/layer/problem.js";

const CHUNK = 64;

/** numpy's chunk program where python3 has numpy; else the reason. One BLAS thread. */
export async function openNumpyLayer(): Promise<LayerContender | Missing> {
  const python = new Python("numpy-layer.py");
  try {
    const { numpy } = JSON.parse(await python.line()) as { numpy: string };
    return contender(python, numpy);
  } catch (error) {
    python.end();
    return { name: "numpy", reason: (error as Error).message };
  }
}

function put(python: Python, folder: string, problem: LayerProblem): Promise<string> {
  const { tokens, heads, K, V } = problem;
  for (const name of ["query", "key", "value", "beta", "decay", "past"] as const) {
    const data = problem[name];
    if (data)
      writeFileSync(join(folder, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return python.ask({
    open: [heads, tokens, K, V],
    folder,
    gated: problem.decay !== undefined,
    past: problem.past !== undefined,
  });
}

function floats(path: string): Float32Array {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

function contender(python: Python, version: string): LayerContender {
  return {
    name: "numpy",
    kind: "peer",
    build: `${version}, chunks of ${CHUNK}, one thread`,
    refuses: ({ task, layer }) => {
      if (task === "training") return "no gradients";
      if (layer === "softmax") return NO_SOFTMAX;
      return layer === "kda" ? "one gate a head only" : undefined;
    },
    open(problem) {
      const folder = mkdtempSync(join(tmpdir(), "dlrt-numpy-"));
      const opened = put(python, folder, problem);
      opened.catch(() => undefined); // told by the first call
      const times = async (calls: number): Promise<number[]> => {
        await opened;
        return JSON.parse(await python.ask({ calls, chunk: CHUNK })) as number[];
      };
      return {
        times,
        call: async () => void (await times(1)),
        read: async () => {
          await python.ask({ save: folder });
          return ["output", "state"].map((name) => floats(join(folder, name)));
        },
        close: () => rmSync(folder, { recursive: true, force: true }),
      };
    },
    dispose: async () => python.end(),
  };
}
