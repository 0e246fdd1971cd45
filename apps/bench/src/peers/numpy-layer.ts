import { NO_SOFTMAX, type LayerContender, type Missing } from "../harness/index.js";
import { ArrayFolder, openPython, type Python } from "./python.js";
import { remoteRun } from "./remote.js";

const CHUNK = 64;

/** Opens numpy's chunk program, with one BLAS thread, where python3 has numpy; else returns the reason. */
export const openNumpyLayer = (): Promise<LayerContender | Missing> =>
  openPython("numpy-layer.py", contender);

function contender(python: Python, { numpy }: { readonly numpy: string }): LayerContender {
  return {
    name: "numpy",
    kind: "peer",
    build: `${numpy}, chunks of ${CHUNK}, one thread`,
    refuses: ({ task, layer }) => {
      if (task === "training") return "no gradients";
      if (layer === "softmax") return NO_SOFTMAX;
      return layer === "kda" ? "one gate a head only" : undefined;
    },
    open({ tokens, heads, K, V, query, key, value, beta, decay, past }) {
      const folder = new ArrayFolder();
      folder.write({ query, key, value, beta, decay, past });
      const opened = python.ask({
        ...{ open: [heads, tokens, K, V], folder: folder.path },
        ...{ gated: decay !== undefined, past: past !== undefined },
      });
      return remoteRun(opened, {
        times: async (calls) => JSON.parse(await python.ask({ calls, chunk: CHUNK })) as number[],
        read: async () => {
          await python.ask({ save: folder.path });
          return ["output", "state"].map((name) => folder.read(name, "f32"));
        },
        close: () => folder.remove(),
      });
    },
    dispose: async () => python.end(),
  };
}
