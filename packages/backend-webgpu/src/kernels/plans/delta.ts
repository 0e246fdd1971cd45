import { plan } from "../plan.js";

// What the gradients of the delta rule dispatch.

export const deltaBackScan = plan({
  shader: "delta-back-scan",
  params: {
    f: "operand",
    g: "operand",
    bar: "operand",
    rows: "u32",
    rank: "u32",
    quads: "u32",
    chunks: "u32",
    decay: "u32",
    total: "u32",
  },
  bindings: {
    coupling: "read",
    factors: "read",
    f: "read",
    g: "read",
    bar: "write",
    z: "write",
    carry: "write",
    lost: "write",
  },
  constants: ["CHUNK", "THREADS"],
});

export const deltaBackReads = plan({
  shader: "delta-back-reads",
  params: {
    y: "operand",
    k: "operand",
    rows: "u32",
    rank: "u32",
    quads: "u32",
    chunks: "u32",
    states: "u32",
    first_out: "u32",
    diag: "u32",
    by_row: "u32",
    total: "u32",
  },
  bindings: { coupling: "read", sums: "read", y: "read", k: "read", z: "read", out: "write" },
  constants: ["CHUNK", "THREADS", "CHANNELS"],
});

export const deltaBackKeys = plan({
  shader: "delta-back-keys",
  params: {
    f: "operand",
    g: "operand",
    x: "operand",
    rows: "u32",
    rank: "u32",
    quads: "u32",
    chunks: "u32",
    first_out: "u32",
    by_row: "u32",
    total: "u32",
  },
  bindings: {
    first_coupling: "read",
    second_coupling: "read",
    sums: "read",
    f: "read",
    g: "read",
    x: "read",
    z: "read",
    out: "write",
  },
  constants: ["CHUNK", "THREADS", "STATE", "CHANNELS"],
});

export const deltaDecayVjp = plan({
  shader: "delta-decay-vjp",
  params: {
    decay: "operand",
    q: "operand",
    k: "operand",
    p: "operand",
    q_bar: "operand",
    p_bar: "operand",
    k_bar: "operand",
    out: "operand",
    rows: "u32",
    rank: "u32",
    quads: "u32",
    chunks: "u32",
    count: "u32",
    total: "u32",
  },
  bindings: {
    decay: "read",
    q: "read",
    k: "read",
    p: "read",
    bars: "read",
    z: "read",
    z_bar: "read",
    out: "write",
  },
  constants: ["THREADS", "CHUNK", "CHANNELS"],
});

export const deltaOperandsVjp = plan({
  shader: "delta-operands-vjp",
  params: {
    x: "operand",
    factor: "operand",
    cotangent: "operand",
    x_added: "operand",
    factor_added: "operand",
    x_gradient: "operand",
    factor_gradient: "operand",
    rows: "u32",
    cols: "u32",
    count: "u32",
    total: "u32",
    factor_cols: "u32",
    flags: "u32",
    sign: "f32",
  },
  bindings: {
    x: "read",
    factor: "read",
    cotangent: "read",
    x_added: "read",
    factor_added: "read",
    x_gradient: "write",
    factor_gradient: "write",
  },
  constants: ["THREADS", "LANES"],
});
