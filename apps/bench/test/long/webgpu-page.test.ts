import { fetchedVersion } from "@dlrt/peers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWebGpuPage } from "../../src/peers/browser.js";
import type { LayerContender } from "../../src/harness/layer/contender.js";
import { layerJudge } from "../../src/harness/layer/judge.js";
import { TASK_NAMES } from "../../src/harness/layer/names.js";
import { layerProblem, type LayerRequest } from "../../src/harness/layer/problem.js";

// two columns of heads that no tile fits
const request: Omit<LayerRequest, "task"> = {
  ...{ layer: "gated", tokens: 70, heads: 2, K: 32, V: 48 },
  about: "a test",
};

describe.runIf(fetchedVersion("onnxruntime-web") !== undefined)("in one page of Chromium", () => {
  let contenders: LayerContender[] = [];
  beforeAll(async () => {
    contenders = (await openWebGpuPage()).filter((one): one is LayerContender => "open" in one);
  });
  afterAll(async () => {
    for (const contender of contenders) await contender.dispose();
  });

  test.each(TASK_NAMES)("%s: ours and onnxruntime's are right, or refuse it with a reason", async (task) => {
    const problem = layerProblem({ ...request, task, tokens: task === "decoding" ? 1 : 70 }, 5);
    const judge = await layerJudge(problem);
    const judged: string[] = [];
    for (const contender of contenders) {
      if (contender.refuses(problem) !== undefined) continue;
      const run = contender.open(problem);
      await run.call();
      const { value, limit } = judge(await run.read(), contender.kind);
      expect(value).toBeLessThanOrEqual(limit);
      judged.push(contender.name);
      run.close();
    }
    const ours = ["webgpu in Chromium", "webgpu in Chromium resident"];
    const onnx = ["onnxruntime-webgpu", "onnxruntime-webgpu resident"];
    expect(judged).toEqual(task === "training" ? ours : [...onnx, ...ours]);
  });
});
