import { plan } from "../plan.js";

// What a product dispatches, and with it the delta rule, which reads its outputs by `applyChunk`.

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

/** The Params that both ways of writing Y begin with. */
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

export const applyDecayingColumns = plan({
  shader: "apply-decaying-columns",
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
