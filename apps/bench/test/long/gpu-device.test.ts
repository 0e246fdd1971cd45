import { join } from "node:path";
import { vulkanEnv } from "@dlrt/swiftshader";
import { beforeAll, describe, expect, test } from "vitest";
import type { Dispatch } from "../../src/harness/device/dispatch-timer.js";
import type { OperationReport } from "../../src/roofline/kernels.js";
import type { Phases } from "../../src/harness/device/phases.js";
import type { GpuReport } from "../../src/roofline/report.js";
import { renderGpuReport } from "../../src/command-line/text/gpu.js";
import { node } from "../command.js";
import { SHADERS } from "../shaders.js";

type Right = Extract<OperationReport, { status: "ok" }>;

interface Child {
  readonly timed: GpuReport;
  readonly plain: GpuReport;
  readonly phases: Readonly<Record<"timed" | "plain", Readonly<Record<string, Phases>>>>;
  readonly undisturbed: { readonly same: boolean; readonly dispatches: readonly Dispatch[] };
  readonly cheated: readonly string[];
  readonly live: readonly Readonly<Record<string, number>>[];
}

describe("on a device", () => {
  let child: Child;

  beforeAll(() => {
    const script = join(import.meta.dirname, "../fixtures/gpu-child.mjs");
    const { status, stdout, stderr } = node([script], vulkanEnv());
    if (status !== 0) throw new Error(String(stderr));
    child = JSON.parse(stdout) as Child;
  });

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
        expect(share).toBeGreaterThan(0);
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
    expect(text).not.toContain("coupling");
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
