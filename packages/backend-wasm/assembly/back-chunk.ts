// One chunk of equation (30) of the reference README, in the order of the data: S, M and K̃ once more (openDelta), then panel by panel
// B̄ (backPanel), then the products over the columns of all panels, Ō Zᵀ, B̄ Zᵀ, M̄, −S̄ and U Z̄ᵀ (crossRows), then Z̄ for the chunk before
// (addBack), then the products over the rows of the chunk (readGradients, keyGradients), and what is written (writeRows). Where rows decay
// by one factor each, factors are multiplied in before the products over rows; where every channel decays by itself, within them.
// delta-back.ts lists the scratch.
import { crossRows } from "./back-cross";
import { openBack } from "./back-open";
import { backPanel } from "./back-panel";
import { keyGradients, readGradients } from "./back-products";
import { edgeProducts, writeRows } from "./back-rows";
import { stageCotangent, writeValues } from "./back-values";
import { touchBack } from "./delta-ahead";
import { Back } from "./delta-back";
import { decayBoth, readFactors, readsBefore, scaleRows, writeFactors } from "./delta-decay-rows";
import { deltaPairs } from "./delta-decay-scratch";
import { openDelta } from "./delta-open";
import { Decay, Job, Operands } from "./job";
import { align, PANEL } from "./lanes";
import { Apart, Plain, updateDecaying } from "./update";

/**
 * Computes the gradients of one chunk (reference README, equation (30)). The state Z is in panels at `record` and U in
 * panels at `u`, `us` bytes apart; the state at the chunk's end is in panels at `next`, `ns` bytes apart. The gradient
 * Z̄ of the state at the chunk's end is replaced by that at its start.
 */
export function backChunk<T>(
  job: Job,
  back: Back,
  entry: i32,
  l: i32,
  rows: i32,
  record: usize,
  u: usize,
  us: usize,
  next: usize,
  ns: usize,
): void {
  const delta = back.delta;
  const depth: usize = delta.depth;
  const whole = align(rows, 4);
  openDelta<T>(delta, back.head, l, rows, true);
  openBack<T>(back, back.head.gap + l * delta.ps, rows);
  stageCotangent<T>(job, back, entry, l, rows);
  const step = (delta.chunk + back.panels - 1) / back.panels;
  const end = min(back.nextRow + delta.chunk, delta.n);
  let ahead = back.nextRow;
  let nextRecord = back.nextRecord;
  let z = back.z;
  for (let j = back.panels; j > 0; j--) {
    if (back.nextRow >= 0) touchBack<T>(job, back, ahead, min(step, end - ahead), nextRecord);
    ahead += step;
    nextRecord += back.rowBytes;
    backPanel<T>(back, whole, z);
    z += back.zs;
  }
  writeValues<T>(job, back, entry, l, rows);
  const o = back.z + depth * PANEL;
  const count = back.panels;
  const rs = delta.rs;
  const r = align(delta.r, 4);
  back.p = back.q + whole * rs;
  back.s = back.m + whole * back.cs;
  const part = delta.sum;
  // B̄ lies right after Ō in every panel, so that the two meet Z, and U, in one call.
  const turned = back.turned;
  crossRows<T>(o, back.zs, 2 * whole, record, back.rowBytes, r, count, back.q, rs, 0, part, turned);
  crossRows<T>(o, back.zs, 2 * whole, u, us, whole, count, back.m, back.cs, whole, part, turned);
  crossRows<T>(u, us, whole, back.z, back.zs, r, count, back.k, rs, 0, part, turned);
  if (job.operand(Operands.decayGradient).start) edgeProducts<T>(back, next, ns);
  addBack<T>(back, whole);
  if (delta.decay == Decay.row) decayProducts<T>(back, rows);
  if (delta.decay != Decay.channel) {
    readGradients<T, Plain>(back, rows);
    keyGradients<T, Plain>(back, rows);
  } else {
    readGradients<T, Apart>(back, rows);
    keyGradients<T, Apart>(back, rows);
  }
  writeRows<T>(job, back, entry, l, rows);
}

/**
 * Where rows decay by one factor each: multiplies by these factors what reads Z, what reads Z̄, and the gradients of
 * the couplings.
 */
function decayProducts<T>(back: Back, rows: i32): void {
  const delta = back.delta;
  const rs = delta.rs;
  scaleRows<T>(back.q, back.q, rs, rows, readFactors<T>(delta));
  scaleRows<T>(back.p, back.p, rs, rows, readFactors<T>(delta) - readsBefore<T>(delta));
  scaleRows<T>(back.k, back.k, rs, rows, writeFactors<T>(delta));
  decayBoth<T>(delta, back.m, back.s, back.cs, rows);
}

/** Updates Z̄ ← diag(A) Z̄ + (Q∘up)ᵀ Ō − (P∘up)ᵀ B̄ for all panels. Ō and B̄ are one run of rows there, and so are Q∘up and −P∘up. */
function addBack<T>(back: Back, rows: i32): void {
  const delta = back.delta;
  const rs = delta.rs;
  const under = delta.depth * PANEL;
  const s = deltaPairs(delta);
  let z = back.z;
  for (let j = back.panels; j > 0; j--) {
    const lost = z + back.zs - under;
    const y = z + under;
    const tail = back.addedTail;
    updateDecaying<T>(delta.decay, z, lost, back.added, rs, delta.r, tail, y, 2 * rows, s, delta.sum);
    z += back.zs;
  }
}
