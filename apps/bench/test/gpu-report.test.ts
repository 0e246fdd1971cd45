import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gpuOptions } from "../src/command-line/commands/gpu.js";
import type { Dispatch } from "../src/harness/device/dispatch-timer.js";
import { deviceTimes } from "../src/roofline/reached.js";
import type { GpuReport } from "../src/roofline/report.js";
import type { Roofline } from "../src/roofline/roofline.js";
import { folder, main, node, widest } from "./command.js";
import { SHADERS } from "./shaders.js";

test("medians over calls; overlapping dispatches leave no gap", () => {
  const at = (shader: string, begin: number, end: number): Dispatch => ({
    shader,
    begin: begin * 1e6,
    end: end * 1e6,
  });
  const call = (stretch: number): Dispatch[] => [
    at("a", 0, 2 * stretch),
    at("b", stretch, 4 * stretch),
    at("a", 5 * stretch, 6 * stretch),
  ];
  const roofline = { bandwidth: 1, peak: 2 } as Roofline;
  const times = deviceTimes([call(1), call(10), call(2)], { a: { flops: 6e6, bytes: 1e6 } }, roofline);
  expect(times).toMatchObject({ span: 12, kernels: 12, gaps: 2 });
  const [a, b] = times.shaders;
  expect(a).toMatchObject({ shader: "a", dispatches: 2, ms: 6 });
  // 6 flops a byte at 1 GB/s would be 6 GF/s: the peak of 2 bounds it
  expect(a!.reached).toEqual({ gflops: 1, gbs: 1 / 6, intensity: 6, bound: 2, share: 0.5 });
  expect(b).toEqual({ shader: "b", dispatches: 1, ms: 6 });
});

describe("bench gpu", () => {
  const tiny = ["--n", "48", "--d", "8", "--heads", "2", "--chunk", "10"];

  test("a table within 100 columns, software marked, and the JSON report", () => {
    const args = [main, "gpu", ...tiny, "--json", "gpu.json"];
    const { status, stdout, stderr } = node(args);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(widest(stdout)).toBeLessThanOrEqual(100);
    const report = JSON.parse(readFileSync(join(folder, "gpu.json"), "utf8")) as GpuReport;
    expect(report.operations.map(({ operation }) => operation)).toEqual(Object.keys(SHADERS));
    expect(report.operations[0]!.sizes).toEqual({ batch: 2, n: 48, r: 8, p: 8, chunk: 16 });
    expect(report.arguments).toContain("gpu");
    expect(stdout).toContain(report.device.name.slice(0, 40));
    expect(stdout.includes("SOFTWARE DEVICE")).toBe(report.device.software);
    expect(stdout.includes("(software device)")).toBe(report.device.software);
    for (const shader of new Set(Object.values(SHADERS).flat())) expect(stdout).toContain(shader);
  });

  test.runIf(process.platform === "linux")(
    "a driver that the user names is not replaced by SwiftShader",
    () => {
      for (const env of [{ VK_DRIVER_FILES: join(folder, "none.json") }, { VK_ICD_FILENAMES: "none.json" }]) {
        const { status, stderr } = node([main, "gpu", ...tiny], { ...env, DLRT_GPU: "" });
        expect(stderr).toMatch(/^bench: .*a WebGPU adapter/m);
        expect(status).toBe(2);
      }
    },
  );

  test("sizes are the user's where given, and else the device's", () => {
    const given = { seed: 1, save: false };
    expect(gpuOptions(given, false)).toMatchObject({ batch: [8, 64], n: [4096], d: [64, 128], chunk: 64 });
    expect(gpuOptions(given, true).n[0]).toBeLessThan(4096);
    const asked = { ...given, d: 32, heads: 3, n: [100, 200], p: 4, chunk: 17 };
    expect(gpuOptions(asked, false)).toMatchObject({ batch: [3], n: [100, 200], d: [32], p: 4, chunk: 32 });
  });
});
