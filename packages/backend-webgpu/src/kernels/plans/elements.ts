import { plan } from "../plan.js";

// What works element by element, for every kernel or as a kernel of its own.

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

export const trilInversePlan = plan({
  shader: "tril-inverse",
  params: { a: "operand", out: "operand", size: "u32", count: "u32", total: "u32" },
  bindings: { a: "read", out: "write" },
  constants: ["THREADS", "SLOTS"],
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
