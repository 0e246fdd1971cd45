import {
  causalConvInputsPlan,
  causalConvPlan,
  causalConvSumsPlan,
  deltaStepPlan,
  gatePlan,
  normRowsPlan,
  normRowsVjpPlan,
  scaleRowsPlan,
} from "./layer-plans.js";
import { deltaBackKeys, deltaBackReads, deltaBackScan, deltaGaps, deltaGates } from "./delta-plans.js";
import { plan, type Plan } from "./plan.js";

export const couplingPlan = plan({
  shader: "coupling",
  params: {
    f: "operand",
    second: "operand",
    g: "operand",
    rows: "u32",
    rank: "u32",
    chunks: "u32",
    total: "u32",
  },
  bindings: { f: "read", second: "read", g: "read", sums: "read", coupling: "write" },
  constants: ["CHUNK", "THREADS", "COUNT", "DECAY", "EARLY"],
});

export const couplingChannelsPlan = plan({
  shader: "coupling-channels",
  params: { f: "operand", g: "operand", rows: "u32", rank: "u32", chunks: "u32", total: "u32" },
  bindings: { f: "read", g: "read", sums: "read", coupling: "write" },
  constants: ["CHUNK", "THREADS"],
});

export const solveScan = plan({
  shader: "solve-scan",
  params: {
    f: "operand",
    g: "operand",
    b: "operand",
    out: "operand",
    diag: "operand",
    rows: "u32",
    rank: "u32",
    quads: "u32",
    chunks: "u32",
    group_chunks: "u32",
    groups: "u32",
    first_chunk: "u32",
    total: "u32",
    alpha: "f32",
    unit: "u32",
    keep: "u32",
  },
  bindings: {
    coupling: "read",
    diag: "read",
    f: "read",
    g: "read",
    b: "read",
    z: "write",
    lost: "write",
    out: "write",
  },
  constants: ["CHUNK", "TILE", "WIDE", "THREADS", "LANES", "START", "USE_B", "WRITE_Y", "INVERSE", "DECAY"],
});

export const solveCompose = plan({
  shader: "solve-compose",
  params: { rank: "u32", quads: "u32", groups: "u32", total: "u32" },
  bindings: {
    a: "read",
    a_lost: "read",
    b: "read",
    b_lost: "read",
    carry: "write",
    lost: "write",
    before: "write",
  },
  constants: ["TILE", "THREADS"],
});

export const copyPlan = plan({
  shader: "copy",
  params: {
    source: "operand",
    into: "operand",
    rows: "u32",
    cols: "u32",
    height: "u32",
    width: "u32",
    total: "u32",
    alpha: "f32",
  },
  bindings: { source: "read", into: "write" },
  constants: ["THREADS", "TRANS"],
});

export const decayRows = plan({
  shader: "decay-rows",
  params: {
    decay: "operand",
    f: "operand",
    g: "operand",
    rows: "u32",
    cols: "u32",
    quads: "u32",
    chunks: "u32",
    total: "u32",
  },
  bindings: {
    decay: "read",
    f: "read",
    g: "read",
    f_read: "write",
    g_kept: "write",
    sums: "write",
    factors: "write",
  },
  constants: ["CHUNK", "THREADS", "CHANNELS", "TRANS", "READ", "KEEP"],
});

export const decayVjpPlan = plan({
  shader: "decay-vjp",
  params: {
    decay: "operand",
    q: "operand",
    k: "operand",
    q_gradient: "operand",
    k_gradient: "operand",
    start: "operand",
    out: "operand",
    rows: "u32",
    rank: "u32",
    chunks: "u32",
    stride: "u32",
    total: "u32",
  },
  bindings: {
    decay: "read",
    q: "read",
    k: "read",
    q_gradient: "read",
    k_gradient: "read",
    initial: "read",
    sums: "write",
    out: "write",
  },
  constants: ["THREADS", "CHUNK", "PASS", "CHANNELS", "TRANS", "FIRST", "START"],
});

export const applyState = plan({
  shader: "apply-state",
  params: {
    g: "operand",
    x: "operand",
    rows: "u32",
    rank: "u32",
    quads: "u32",
    chunks: "u32",
    total: "u32",
  },
  bindings: { g: "read", x: "read", z: "write" },
  constants: ["CHUNK", "THREADS"],
});

export const applyPrefix = plan({
  shader: "apply-prefix",
  params: { size: "u32", chunks: "u32", quads: "u32", total: "u32" },
  bindings: { z: "write", carry: "write", lost: "write", factors: "read" },
  constants: ["THREADS", "DECAY"],
});

const chunkParams = {
  f: "operand",
  x: "operand",
  diag: "operand",
  out: "operand",
  rows: "u32",
  rank: "u32",
  quads: "u32",
  chunks: "u32",
  total: "u32",
  alpha: "f32",
} as const;

export const applyChunk = plan({
  shader: "apply-chunk",
  params: { ...chunkParams, states: "u32" },
  bindings: { coupling: "read", f: "read", x: "read", diag: "read", z: "read", out: "write" },
  constants: ["CHUNK", "THREADS", "DIAG", "STATE"],
});

export const applyColumns = plan({
  shader: "apply-columns",
  params: chunkParams,
  bindings: {
    coupling: "read",
    f: "read",
    x: "read",
    diag: "read",
    z: "read",
    sums: "read",
    out: "write",
  },
  constants: ["CHUNK", "THREADS", "DIAG", "STATE"],
});

export const trilInversePlan = plan({
  shader: "tril-inverse",
  params: { a: "operand", out: "operand", size: "u32", count: "u32", total: "u32" },
  bindings: { a: "read", out: "write" },
  constants: ["THREADS", "SLOTS"],
});

export const rowDotPlan = plan({
  shader: "row-dot",
  params: {
    x: "operand",
    y: "operand",
    out: "operand",
    rows: "u32",
    cols: "u32",
    count: "u32",
    total: "u32",
    alpha: "f32",
  },
  bindings: { x: "read", y: "read", out: "write" },
  constants: ["THREADS", "LANES"],
});

/** Every shader of the package, for `prepare` and for the test that holds each against its plan. */
export const plans: readonly Plan[] = [
  couplingPlan,
  solveScan,
  solveCompose,
  copyPlan,
  decayRows,
  decayVjpPlan,
  couplingChannelsPlan,
  applyState,
  applyPrefix,
  applyChunk,
  applyColumns,
  trilInversePlan,
  rowDotPlan,
  normRowsPlan,
  normRowsVjpPlan,
  gatePlan,
  causalConvPlan,
  causalConvInputsPlan,
  causalConvSumsPlan,
  scaleRowsPlan,
  deltaStepPlan,
  deltaBackScan,
  deltaBackReads,
  deltaBackKeys,
  deltaGaps,
  deltaGates,
];
