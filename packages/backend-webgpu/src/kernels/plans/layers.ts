import { plan } from "../plan.js";

// What the small pieces of a layer dispatch (norms, gates, convolutions), and the rows and the single token of the delta rule.

export const normRowsPlan = plan({
  shader: "norm-rows",
  params: {
    x: "operand",
    gate: "operand",
    weight: "operand",
    out: "operand",
    rows: "u32",
    cols: "u32",
    count: "u32",
    total: "u32",
    flags: "u32",
    root_eps: "f32",
    size: "f32",
  },
  bindings: { x: "read", gate: "read", weight: "read", out: "write" },
  constants: ["THREADS", "LANES"],
});

export const normRowsVjpPlan = plan({
  shader: "norm-rows-vjp",
  params: {
    x: "operand",
    gate: "operand",
    weight: "operand",
    cotangent: "operand",
    x_gradient: "operand",
    gate_gradient: "operand",
    weight_terms: "operand",
    rows: "u32",
    cols: "u32",
    count: "u32",
    total: "u32",
    flags: "u32",
    root_eps: "f32",
    size: "f32",
  },
  bindings: {
    x: "read",
    gate: "read",
    weight: "read",
    cotangent: "read",
    x_gradient: "write",
    gate_gradient: "write",
    weight_terms: "write",
  },
  constants: ["THREADS", "LANES"],
});

export const gatePlan = plan({
  shader: "gate",
  params: {
    x: "operand",
    a: "operand",
    bias: "operand",
    cotangent: "operand",
    out: "operand",
    a_terms: "operand",
    rows: "u32",
    cols: "u32",
    count: "u32",
    total: "u32",
    bounded: "u32",
    gradients: "u32",
    a_wanted: "u32",
    lower: "f32",
  },
  bindings: { x: "read", a: "read", bias: "read", cotangent: "read", out: "write", a_terms: "write" },
  constants: ["THREADS", "LANES"],
});

export const causalConvPlan = plan({
  shader: "causal-conv",
  params: {
    x: "operand",
    weight: "operand",
    bias: "operand",
    state: "operand",
    cotangent: "operand",
    out: "operand",
    rows: "u32",
    cols: "u32",
    taps: "u32",
    first: "u32",
    lead: "u32",
    total: "u32",
    flags: "u32",
  },
  bindings: { x: "read", weight: "read", bias: "read", state: "read", cotangent: "read", out: "write" },
  constants: ["THREADS"],
});

export const causalConvInputsPlan = plan({
  shader: "causal-conv-inputs",
  params: {
    given: "operand",
    weight: "operand",
    final_given: "operand",
    out: "operand",
    rows: "u32",
    cols: "u32",
    taps: "u32",
    n: "u32",
    first: "u32",
    given_first: "u32",
    total: "u32",
    flags: "u32",
  },
  bindings: { given: "read", weight: "read", final_given: "read", out: "write" },
  constants: ["THREADS"],
});

export const causalConvSumsPlan = plan({
  shader: "causal-conv-sums",
  params: {
    given: "operand",
    x: "operand",
    state: "operand",
    out: "operand",
    rows: "u32",
    cols: "u32",
    taps: "u32",
    first: "u32",
    lead: "u32",
    chunks: "u32",
    first_tap: "u32",
    out_rows: "u32",
    total: "u32",
    flags: "u32",
  },
  bindings: { given: "read", x: "read", state: "read", sums: "write", out: "write" },
  constants: ["THREADS", "CHUNK", "PASS"],
});

export const deltaOperandsPlan = plan({
  shader: "delta-operands",
  params: {
    x: "operand",
    factor: "operand",
    rows: "u32",
    cols: "u32",
    count: "u32",
    total: "u32",
    width: "u32",
    factor_cols: "u32",
    root_eps: "f32",
  },
  bindings: { x: "read", factor: "read", plain: "write", scaled: "write" },
  constants: ["THREADS", "LANES", "NORMALIZE", "PLAIN", "SCALED"],
});

export const deltaStepPlan = plan({
  shader: "delta-step",
  params: {
    query: "operand",
    key: "operand",
    value: "operand",
    erase: "operand",
    write: "operand",
    decay: "operand",
    state: "operand",
    out: "operand",
    rank: "u32",
    cols: "u32",
    erase_cols: "u32",
    write_cols: "u32",
    decay_cols: "u32",
    total: "u32",
    early: "u32",
    scale: "f32",
    root_eps: "f32",
  },
  bindings: {
    query: "read",
    key: "read",
    value: "read",
    erase: "read",
    write: "read",
    decay: "read",
    state: "write",
    out: "write",
  },
  constants: ["THREADS", "LANES", "NORMALIZE"],
});
