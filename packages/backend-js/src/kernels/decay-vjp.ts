import type { HostTensor } from "@dlrt/core";
import { decayKind, type DecayVjpParams } from "@dlrt/core/backend";
import { dot64 } from "./row-dot.js";
import { rowsOf, type Rows } from "./rows.js";
import { lost, scratch, STATE_MAX, Z } from "./scratch.js";

const S = scratch;
const L = lost;

/** The place of the running sums of the channels in the scratch. */
const SUMS = Z;

/** The operands of one batch entry. */
interface Entry {
  readonly n: number;
  readonly r: number;
  readonly trans: boolean;
  readonly gaps: Rows;
  readonly q: Rows;
  readonly k: Rows;
  readonly qGradient: Rows;
  readonly kGradient: Rows;
  readonly start: Rows | undefined;
  readonly out: Rows;
}

/**
 * Equation (27): ḡ_t = s − Σ_{i<t} e_i or, transposed, s + Σ_{i≥t} e_i, with e_i = q_i ∘ q̄_i − k_i ∘ k̄_i. It is
 * summed in float64 and compensated, because such a sum has n terms, and what is left of them at its end may be small.
 */
export function decayVjp(params: DecayVjpParams<HostTensor>): void {
  const { batch, n, r, trans, decay, start } = params;
  for (let index = 0; index < batch; index++) {
    const entry = {
      n,
      r,
      trans,
      gaps: rowsOf(decay, index, trans),
      q: rowsOf(params.q, index, trans),
      k: rowsOf(params.k, index, trans),
      qGradient: rowsOf(params.qGradient, index, trans),
      kGradient: rowsOf(params.kGradient, index, trans),
      start: start && rowsOf(start, index),
      out: rowsOf(params.out, index, trans),
    };
    if (decayKind(params) === "row") sumRows(entry);
    else for (let m = 0; m < r; m += STATE_MAX) sumChannels(entry, m, Math.min(STATE_MAX, r - m));
  }
}

/** Where the decay is one number for each row: the sums of all channels are added into one. */
function sumRows({ n, r, trans, gaps, q, k, qGradient, kGradient, start, out }: Entry): void {
  S[SUMS] = 0;
  L[SUMS] = 0;
  if (start) for (let m = 0; m < r; m++) add(SUMS, start.data[start.start + m * start.stride]!);
  for (let i = 0; i < n; i++) {
    const own =
      dot64(q.data, q.start + i * q.stride, qGradient.data, qGradient.start + i * qGradient.stride, r) -
      dot64(k.data, k.start + i * k.stride, kGradient.data, kGradient.start + i * kGradient.stride, r);
    if (trans) add(SUMS, own);
    store(SUMS, gaps, out, i, 0);
    if (!trans) add(SUMS, -own);
  }
}

/** Where the decay is one number for each row and channel: computes the channels from `from` on. */
function sumChannels(
  { n, trans, gaps, q, k, qGradient, kGradient, start, out }: Entry,
  from: number,
  channels: number,
): void {
  for (let m = 0; m < channels; m++) {
    S[SUMS + m] = start ? start.data[start.start + (from + m) * start.stride]! : 0;
    L[SUMS + m] = 0;
  }
  for (let i = 0; i < n; i++) {
    for (let m = 0; m < channels; m++) {
      const at = from + m;
      const ofQ =
        q.data[q.start + i * q.stride + at]! * qGradient.data[qGradient.start + i * qGradient.stride + at]!;
      const ofK =
        k.data[k.start + i * k.stride + at]! * kGradient.data[kGradient.start + i * kGradient.stride + at]!;
      if (trans) add(SUMS + m, ofQ - ofK);
      store(SUMS + m, gaps, out, i, at);
      if (!trans) add(SUMS + m, ofK - ofQ);
    }
  }
}

/**
 * Adds x to the sum at `to`. What the addition rounds away is kept beside the sum, whichever of the two numbers is
 * larger (Neumaier).
 */
function add(to: number, x: number): void {
  const before = S[to]!;
  const sum = before + x;
  const other = sum - before;
  S[to] = sum;
  L[to] = L[to]! + (before - (sum - other) + (x - other));
}

/** Stores one row of ḡ. Nothing passes through a reset, g = −∞, whose gradient is 0. */
function store(from: number, gaps: Rows, out: Rows, i: number, m: number): void {
  const gap = gaps.data[gaps.start + i * gaps.stride + m]!;
  out.data[out.start + i * out.stride + m] = gap === -Infinity ? 0 : S[from]! + L[from]!;
}
