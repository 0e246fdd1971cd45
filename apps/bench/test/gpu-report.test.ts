import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vulkanEnv } from "@dlrt/swiftshader";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gpuOptions } from "../src/gpu/command.js";
import type { Dispatch } from "../src/gpu/dispatch-timer.js";
import type { OperationReport } from "../src/gpu/kernels.js";
import type { Phases } from "../src/gpu/phases.js";
import { deviceTimes } from "../src/gpu/reached.js";
import type { GpuReport } from "../src/gpu/report.js";
import type { Roofline } from "../src/gpu/roofline.js";
import { renderGpuReport } from "../src/gpu/table.js";
import { program, type Options } from "../src/options.js";

type Right = Extract<OperationReport, { status: "ok" }>;

interface Child {
  readonly timed: GpuReport;
  readonly plain: GpuReport;
  readonly phases: Readonly<Record<"timed" | "plain", Readonly<Record<string, Phases>>>>;
  readonly undisturbed: { readonly same: boolean; readonly dispatches: readonly Dispatch[] };
  readonly cheated: readonly string[];
  readonly live: readonly Readonly<Record<string, number>>[];
}

const SHADERS: Readonly<Record<string, readonly string[]>> = {
  solve: ["chunk-matrix", "solve-scan"],
  "solve, transposed": ["chunk-matrix", "solve-scan"],
  apply: ["chunk-matrix", "apply-state", "apply-prefix", "apply-chunk"],
  inverse: ["chunk-matrix", "solve-scan"],
  trilInverse: ["tril-inverse"],
  rowDot: ["row-dot"],
};

const folder = mkdtempSync(join(tmpdir(), "dlrt-gpu-"));
afterAll(() => rmSync(folder, { recursive: true }));

// The runner's own wish for colours is not the user's.
const { FORCE_COLOR: _, ...environment } = process.env;
const node = (args: readonly string[], env: object): ReturnType<typeof spawnSync> & { stdout: string } =>
  spawnSync(process.execPath, [...args], {
    encoding: "utf8",
    cwd: folder,
    env: { ...environment, INIT_CWD: folder, ...env },
  });

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => [...line].length));

describe("on a device", () => {
  let child: Child;

  beforeAll(() => {
    const script = join(import.meta.dirname, "fixtures/gpu-child.mjs");
    const { status, stdout, stderr } = node([script], vulkanEnv());
    if (status !== 0) throw new Error(String(stderr));
    child = JSON.parse(stdout) as Child;
  }, 60_000);

  test("every operation is right, and each of its shaders has its place under the roofline", () => {
    const { timed } = child;
    expect(timed.schema).toBe("dlrt-gpu/1");
    expect(timed.device).toMatchObject({ timestamps: true });
    const { bandwidth, peak, by } = timed.roofline;
    expect(by).toBe("timestamps");
    expect(timed.operations.map(({ operation, sizes }) => [operation, sizes.batch, sizes.n])).toEqual(
      [1, 2].flatMap((batch) =>
        Object.keys(SHADERS).map((name) => [name, batch, name === "inverse" ? 20 : 40]),
      ),
    );
    for (const report of timed.operations as readonly Right[]) {
      expect(report, report.operation).toMatchObject({ status: "ok" });
      expect(report.error.value).toBeLessThanOrEqual(report.error.limit);
      // p = 12 and r = 8 are whole vec4, so that nothing is padded
      const { shaders, span, kernels, gaps } = report.device!;
      expect(shaders.map(({ shader }) => shader)).toEqual(SHADERS[report.operation]);
      for (const { ms, dispatches, reached } of shaders) {
        const { gflops, gbs, intensity, bound, share } = reached!;
        expect(dispatches).toBe(1);
        expect(gflops * ms).toBeCloseTo(gbs * ms * intensity, 9);
        expect(bound).toBeCloseTo(Math.min(peak, intensity * bandwidth), 9);
        expect(share).toBeCloseTo(gflops / bound, 9);
        // So small a problem is all overhead: more would be a wrong unit, not a fast device.
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThan(1.2);
      }
      expect(span).toBeGreaterThan(0);
      expect(kernels).toBeGreaterThan(0);
      expect(gaps).toBeGreaterThanOrEqual(0);
    }
  });

  test("without timestamps whole calls are timed, and the report says so", () => {
    const { plain } = child;
    expect(plain.device.timestamps).toBe(false);
    expect(plain.roofline.by).toBe("clock");
    for (const report of plain.operations as readonly Right[]) {
      expect(report.status).toBe("ok");
      expect(report.call.median).toBeGreaterThan(0);
      expect(report).not.toHaveProperty("device");
    }
    const text = renderGpuReport({ ...plain, machine: child.timed.machine }, false);
    expect(text).toContain("no timestamps");
    expect(text).not.toContain("chunk-matrix");
  });

  test("a call's phases: bytes of its operands and results, the device's clock where it has one", () => {
    const { timed, plain } = child.phases;
    const [rows, r, p] = [2 * 70, 4, 3];
    const operator = rows * (1 + 2 * r);
    const bytes = {
      solve: [operator + rows * p, rows * p],
      apply: [operator + rows * p, rows * p],
      inverse: [operator, rows * 70],
      trilInverse: [2 * 64 * 64, 2 * 64 * 64],
      solveVjp: [operator + 2 * rows * p, operator + rows * p],
    };
    for (const [name, [up, down]] of Object.entries(bytes)) {
      expect(timed[name]).toMatchObject({ uploadBytes: 4 * up!, readbackBytes: 4 * down! });
      expect(timed[name]!.computeBy).toBe("timestamps");
      expect(plain[name]!.computeBy).toBe("sync");
      for (const part of ["upload", "compute", "readback"] as const) {
        expect(timed[name]![part], `${name} ${part}`).toBeGreaterThan(0);
        expect(plain[name]![part], `${name} ${part}`).toBeGreaterThan(0);
      }
    }
  });

  test("timing changes no bit, and finds every dispatch in order", () => {
    const { same, dispatches } = child.undisturbed;
    expect(same).toBe(true);
    expect(dispatches.map(({ shader }) => shader)).toEqual(SHADERS["solve"]);
    const [matrix, scan] = dispatches;
    expect(matrix!.begin).toBe(0);
    expect(matrix!.end).toBeGreaterThan(0);
    expect(scan!.begin).toBeGreaterThanOrEqual(matrix!.begin);
    expect(scan!.end).toBeGreaterThan(scan!.begin);
  });

  test("a device that does less than it was told gets no roofline", () => {
    expect(child.cheated).toEqual([
      expect.stringContaining("a wrong copy"),
      expect.stringContaining("a wrong sum"),
    ]);
  });

  test("nothing is left on the device", () => {
    for (const live of child.live) expect(live).toEqual({ tensors: 0, createBuffer: 0, createQuerySet: 0 });
  });
});

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

describe("bench --gpu-report", () => {
  const main = join(import.meta.dirname, "../dist/main.js");
  const tiny = ["--n", "48", "--d", "8", "--heads", "2", "--chunk", "10"];

  test("a table within 100 columns, software marked, and the JSON report", () => {
    const args = [main, "--gpu-report", ...tiny, "--json", "gpu.json"];
    const { status, stdout, stderr } = node(args, {});
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(widest(stdout)).toBeLessThanOrEqual(100);
    const report = JSON.parse(readFileSync(join(folder, "gpu.json"), "utf8")) as GpuReport;
    expect(report.operations.map(({ operation }) => operation)).toEqual(Object.keys(SHADERS));
    expect(report.operations[0]!.sizes).toEqual({ batch: 2, n: 48, r: 8, p: 8, chunk: 16 });
    expect(report.arguments).toContain("--gpu-report");
    expect(stdout).toContain(report.device.name.slice(0, 40));
    expect(stdout.includes("SOFTWARE DEVICE")).toBe(report.device.software);
    expect(stdout.includes("(software device)")).toBe(report.device.software);
    for (const shader of new Set(Object.values(SHADERS).flat())) expect(stdout).toContain(shader);
  });

  test.runIf(process.platform === "linux")(
    "a driver that the user names is not replaced by SwiftShader",
    () => {
      for (const env of [{ VK_DRIVER_FILES: join(folder, "none.json") }, { VK_ICD_FILENAMES: "none.json" }]) {
        const { status, stderr } = node([main, "--gpu-report", ...tiny], { ...env, DLRT_GPU: "" });
        expect(stderr).toMatch(/^bench: .*a WebGPU adapter/m);
        expect(status).toBe(1);
      }
    },
  );

  test("what it cannot be combined with is refused, and --help names it", () => {
    const parse = (...args: string[]): Options =>
      program()
        .exitOverride()
        .configureOutput({ writeErr: () => undefined })
        .parse(["--gpu-report", ...args], { from: "user" })
        .opts();
    expect(program().helpInformation()).toContain("--gpu-report");
    expect(parse("--save", "--d", "32")).toMatchObject({ gpuReport: true, save: true, d: 32 });
    for (const other of ["--scaling", "--csv=x", "--backends=js", "--data=x", "--compare=x", "--planted"]) {
      expect(() => parse(other), other).toThrow(/cannot be used with option/);
    }
  });

  test("sizes are the user's where given, and else the device's", () => {
    const given: Parameters<typeof gpuOptions>[0] = {
      ...program().parse(["--gpu-report"], { from: "user" }).opts<Options>(),
      d: undefined,
    };
    expect(gpuOptions(given, false)).toMatchObject({ batch: [8, 64], n: [4096], d: [64, 128], chunk: 64 });
    expect(gpuOptions(given, true).n[0]).toBeLessThan(4096);
    const asked = { ...given, d: 32, heads: 3, n: [100, 200], p: 4, chunk: 17 };
    expect(gpuOptions(asked, false)).toMatchObject({ batch: [3], n: [100, 200], d: [32], p: 4, chunk: 32 });
  });
});
