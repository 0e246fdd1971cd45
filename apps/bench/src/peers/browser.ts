import {
  messageOf,
  NO_SOFTMAX,
  SOFTWARE_NOTE,
  type LayerContender,
  type LayerProblem,
  type Missing,
} from "../harness/index.js";
import { openInChromium, type WebGpuPage, type Work } from "./chromium.js";
import { modelOf, onnxRefusal } from "./onnx.js";

type Who = Work["who"];

export const IN_PAGE: Readonly<Record<Who, string>> = {
  onnx: "onnxruntime-webgpu",
  ours: "webgpu in Chromium",
};

const ofOnnx = (problem: LayerProblem): Pick<Work, "about" | "arrays"> => {
  const { model, feeds } = modelOf(problem);
  const entries = Object.entries(feeds);
  const dims = Object.fromEntries(entries.map(([name, { dims }]) => [name, dims]));
  return {
    about: { dims },
    arrays: { model, ...Object.fromEntries(entries.map(([name, { data }]) => [name, data])) },
  };
};

const ofOurs = (problem: LayerProblem): Pick<Work, "about" | "arrays"> => {
  const entries = Object.entries(problem);
  const arrays = Object.fromEntries(entries.filter(([, value]) => value instanceof Float32Array));
  const sizes = Object.fromEntries(entries.filter(([name]) => !(name in arrays)));
  return { about: { sizes, names: Object.keys(arrays) }, arrays };
};

function contender(page: WebGpuPage, who: Who, resident: boolean): LayerContender {
  const note = /swiftshader/i.test(page.device) ? SOFTWARE_NOTE : undefined;
  const where = `WebGPU in Chromium: ${page.device}`;
  const work = who === "onnx" ? ofOnnx : ofOurs;
  return {
    name: resident ? `${IN_PAGE[who]} resident` : IN_PAGE[who],
    kind: who === "onnx" ? "peer" : "backend",
    build: who === "onnx" ? `${page.version}, com.microsoft, ${where}` : where,
    note,
    refuses(problem) {
      if (who === "ours") return problem.layer === "softmax" ? NO_SOFTMAX : undefined;
      if (problem.layer === "softmax") return "softmax attention is timed on its other builds";
      return onnxRefusal("onnxruntime-web", problem);
    },
    open: (problem) => page.open({ who, resident, ...work(problem) }),
    dispose: async () => page.close(),
  };
}

/** Opens onnxruntime-web's WebGPU kernels and ours in one page, each from arrays to arrays and from device to device; or says why not. */
export async function openWebGpuPage(): Promise<(LayerContender | Missing)[]> {
  try {
    const page = await openInChromium();
    return (["onnx", "ours"] as const).flatMap((who) =>
      [false, true].map((resident) => contender(page, who, resident)),
    );
  } catch (error) {
    return Object.values(IN_PAGE).map((name) => ({ name, reason: messageOf(error) }));
  }
}
