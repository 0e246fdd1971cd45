import { plan } from "../plan.js";

// What a solve dispatches, and with it the inverse, the delta rule and all that has a coupling.

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

export const decayChunks = plan({
  shader: "decay-chunks",
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
