import { counted, figures, isBad } from "../../harness/index.js";
import type {
  DeviceTimes,
  GpuReport,
  KernelReport,
  OperationReport,
  Roofline,
} from "../../roofline/index.js";
import { draw, orInfinite, wrap, type Line } from "./table.js";

const percent = (x: number): string => `${figures(100 * x, 2)} %`;

const KERNEL_COLUMNS = ["operation", "kernel", "×", "ms", "GF/s", "GB/s", "flop/B", "bound", "share"];

const CALL_COLUMNS = [
  "operation",
  "call",
  "± MAD",
  "device",
  "kernels",
  "gaps",
  "GF/s",
  "share",
  "error / ε",
];

function kernelLine(operation: string, { shader, dispatches, ms, reached }: KernelReport): Line {
  const cells = { operation, kernel: shader, "×": String(dispatches), ms: figures(ms) };
  if (!reached) return { cells, bad: false };
  const { gflops, gbs, intensity, bound, share } = reached;
  const beside = {
    "GF/s": figures(gflops),
    "GB/s": figures(gbs),
    "flop/B": figures(intensity),
    bound: figures(bound),
    share: percent(share),
  };
  return { cells: { ...cells, ...beside }, bad: false };
}

function deviceCells(times: DeviceTimes | undefined): Record<string, string> {
  if (!times) return {};
  return { device: figures(times.span), kernels: figures(times.kernels), gaps: figures(times.gaps, 2) };
}

function callLine(report: OperationReport): Line {
  const { operation } = report;
  if ("reason" in report) {
    return { cells: { operation, call: report.status.toUpperCase() }, bad: isBad(report) };
  }
  const { value } = report.error;
  const cells = { operation, "error / ε": orInfinite(value) };
  if (report.status === "wrong") return { cells: { ...cells, call: "WRONG" }, bad: true };
  const { call, device, gflops, share } = report;
  const times = { call: figures(call.median), "± MAD": figures(call.mad, 2), ...deviceCells(device) };
  return { cells: { ...cells, ...times, "GF/s": figures(gflops), share: percent(share) }, bad: false };
}

/** Groups the operations that ran on the same Q, K and B. */
function groups(operations: readonly OperationReport[]): OperationReport[][] {
  const all: OperationReport[][] = [];
  for (const report of operations) {
    // Every problem begins with its solve.
    if (report.operation === "solve" || all.length === 0) all.push([]);
    all.at(-1)!.push(report);
  }
  return all;
}

function groupTables(reports: readonly OperationReport[], software: boolean, colour: boolean): string {
  const { batch, n, r, p, chunk } = reports[0]!.sizes;
  const title = `n = ${n}, r = ${r}, p = ${p}, ${counted(batch, "head")}, chunk ${chunk}${software ? " (software device)" : ""}`;
  const named = reports.map((report) =>
    report.sizes.n === n ? report : { ...report, operation: `${report.operation}, n = ${report.sizes.n}` },
  );
  const kernels = named.flatMap((report) =>
    report.status === "ok" && report.device
      ? report.device.shaders.map((kernel, at) => kernelLine(at === 0 ? report.operation : "", kernel))
      : [],
  );
  const reasons = named.flatMap((report) =>
    "reason" in report ? [wrap(`  ${report.operation}: ${report.reason}`, "    ")] : [],
  );
  return [
    title,
    ...(kernels.length > 0 ? [draw(KERNEL_COLUMNS, kernels, colour, ["operation", "kernel"])] : []),
    draw(CALL_COLUMNS, named.map(callLine), colour),
    ...reasons,
  ].join("\n");
}

function rooflineText({ bandwidth, peak, by, copy, fma }: Roofline): string {
  const how = `${fma.fused ? "fma()" : "a · b + c"} in ${fma.chains} chains of vec4`;
  return wrap(
    `Roofline, by ${by}: copy ${figures(bandwidth)} GB/s, read and written (${Math.round(copy.bytes / 2 ** 20)} MiB); ` +
      `f32 multiply-add ${figures(peak)} GF/s (${how}); they meet at ${figures(peak / bandwidth)} flops per byte.`,
  );
}

const LEGEND = [
  "kernel: one shader in one call, × dispatches; ms by the device's timestamps.",
  "GF/s and GB/s: the flops, and the bytes that must move at least once, over that; flop/B their quotient.",
  "bound: min(multiply-add peak, flop/B · copy bandwidth), GF/s. share: GF/s over bound. More than 100 % is data " +
    "that was still in a cache.",
  "call: ms by the host's clock from the call until the device is idle; GF/s useful flops over it (4nrp a solve, n²r " +
    "an inverse); share: the kernels' bounds one after the other over it.",
  "device: ms from the first dispatch's begin to the last one's end; gaps: what of it no dispatch fills.",
  "error / ε: as in the main comparison, of the last head; more than the limit is wrong and gets no time.",
];

/** All that `bench gpu` prints. */
export function renderGpuReport(report: GpuReport, colour: boolean): string {
  const { machine, versions, device, roofline, operations, seconds } = report;
  const software = "SOFTWARE DEVICE: a CPU in disguise. Nothing below says how fast a GPU is.";
  return [
    [
      wrap(`${device.name}; ${machine.cpu}, ${machine.platform}, Node ${versions["node"]}`),
      ...(device.software ? [software] : []),
      ...(device.timestamps
        ? []
        : ["The device has no timestamps: whole calls are timed, and no kernel on its own."]),
      rooflineText(roofline),
    ].join("\n"),
    ...groups(operations).map((group) => groupTables(group, device.software, colour)),
    LEGEND.map((text) => wrap(text)).join("\n"),
    `${Math.round(seconds)} s`,
  ].join("\n\n");
}
