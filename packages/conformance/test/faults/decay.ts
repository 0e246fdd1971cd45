/** Faults in what kernels make of gates. */
import type { HostTensor } from "@dlrt/core";
import { readView, type DecayVjpParams } from "@dlrt/core/backend";
import { plainKernels } from "../../examples/plain-backend.js";
import { like, rowOf, withKernels, wrongly, type Fault, type Params, type Verb } from "./faulty.js";
import { roundingKernels } from "./rounding-kernels.js";

/** Returns a decay whose rows are those that `from` names in another, or 0 where it names none. */
function moved(decay: HostTensor, from: (row: number) => number): HostTensor {
  const [, n, channels] = decay.shape;
  const was = readView(decay);
  return like(decay, (_, at) => {
    const row = from(rowOf(decay, at));
    return row < 0 || row >= n ? 0 : was[at + (row - rowOf(decay, at)) * channels]!;
  });
}

/**
 * Makes a backend whose kernel is run with another decay, where a call has one: in both directions, or, if `trans` is
 * given, in that one alone.
 */
const decaysAs = (verb: Verb, change: (decay: HostTensor, p: Params) => HostTensor, trans?: boolean) =>
  wrongly(verb, (p) =>
    p.decay && (trans === undefined || trans === p.trans) ? { decay: change(p.decay, p) } : {},
  );

const everyGate = (verb: Verb, kind: "row" | "channel" = "row"): string =>
  `${verb} › f32, decay per ${kind}: every family of gates`;

export const decayFaults: readonly Fault[] = [
  {
    name: "g comes one row late",
    caughtBy: everyGate("apply"),
    create: decaysAs("apply", (decay) => moved(decay, (row) => row - 1)),
  },
  {
    name: "the g of a chunk's first row is lost",
    caughtBy: everyGate("solve"),
    create: decaysAs("solve", (decay) => like(decay, (g, at) => (rowOf(decay, at) % 64 === 0 ? 0 : g))),
  },
  {
    name: "forward, a row reads the state before it decays",
    caughtBy: everyGate("apply", "channel"),
    create: wrongly("apply", ({ decay, q, trans, r, decayOn }) => {
      if (!decay || trans || decayOn === "columns") return {};
      const gaps = readView(decay);
      const channels = decay.shape[2];
      const gap = (at: number): number => gaps[channels === 1 ? Math.floor(at / r) : at]!;
      return { q: like(q, (value, at) => (gap(at) > -5 ? value * Math.exp(-gap(at)) : value)) };
    }),
  },
  {
    name: "transposed, the state decays before a row reads it",
    caughtBy: everyGate("solve"),
    create: decaysAs("solve", (decay) => moved(decay, (row) => row - 1), true),
  },
  {
    name: "transposed, the final state misses the gap of the first row",
    caughtBy: everyGate("solve", "channel"),
    create: decaysAs("solve", (decay) => like(decay, (g, at) => (rowOf(decay, at) === 0 ? 0 : g)), true),
  },
  {
    name: "every channel decays as the first",
    caughtBy: everyGate("apply", "channel"),
    create: decaysAs("apply", (decay, { decayOn }) => {
      const was = readView(decay);
      return decayOn === "rank" ? like(decay, (_, at) => was[at - (at % decay.shape[2])]!) : decay;
    }),
  },
  {
    name: "what the state's sum has lost does not decay",
    caughtBy: everyGate("apply"),
    create: withKernels({ apply: roundingKernels({ lostStays: true }).apply }),
  },
  {
    name: "factors are differences of one cumulative sum in float32",
    caughtBy: everyGate("solve"),
    create: withKernels({ solve: roundingKernels({ oneSum: true }).solve }),
  },
  {
    name: "the state is multiplied by a factor that was rounded to float32",
    caughtBy: "solve › f32, decay per row: slow decay of constant data over 65,536 rows",
    budget: { maxN: 65537, maxWork: 2 ** 17 },
    create: decaysAs("solve", (decay) => like(decay, (g) => Math.log(Math.fround(Math.exp(g))))),
  },
  {
    name: "the inverse does not decay",
    caughtBy: "inverse › f32, decay per row: every family of gates",
    create: withKernels({
      inverse: (p) => plainKernels.inverse({ ...p, op: { ...p.op, decay: undefined } }),
    }),
  },
  {
    name: "ḡ is off by one row",
    caughtBy: "gradients › f32, decay per row: applyVjp beside differences",
    create: withKernels({
      decayVjp: (p) => {
        plainKernels.decayVjp(p);
        const late = moved(p.out, (row) => row - 1);
        p.out.data.set(late.data);
      },
    }),
  },
  {
    name: "ḡ is not 0 at a reset",
    caughtBy: "gradients › f32, decay per channel: decayVjp, sums over rows",
    create: withKernels({
      decayVjp: (p) => plainKernels.decayVjp({ ...p, decay: like(p.decay, () => -1) }),
    }),
  },
  {
    name: "ḡ is a sum that forgets what its roundings took",
    caughtBy: "gradients › f32, decay per row: decayVjp, sums over rows",
    budget: { maxN: 65537, maxWork: 2 ** 17 },
    create: withKernels({ decayVjp: forgetfulSums }),
  },
  {
    name: "decay on columns takes the first channel for all",
    caughtBy: "gradients › f32, decay per channel: applyVjp, any problem, any options",
    create: decaysAs("apply", (decay, { decayOn }) => {
      const was = readView(decay);
      return decayOn === "columns" ? like(decay, (_, at) => was[at - (at % decay.shape[2])]!) : decay;
    }),
  },
  {
    name: "NaN in g is taken for 0",
    caughtBy: "non-finite › f32, decay per row: solve, a NaN in the decay",
    create: decaysAs("solve", (decay) => like(decay, (g) => (Number.isNaN(g) ? 0 : g))),
  },
  {
    name: "g > 0 is taken for 0",
    caughtBy: "non-finite › f32, decay per row: apply, g > 0 grows",
    create: decaysAs("apply", (decay) => like(decay, (g) => (g > 0 ? 0 : g))),
  },
  {
    name: "a reset leaves 2⁻⁴⁰ of the state",
    caughtBy: "non-finite › f32, decay per channel: solve, nothing finite passes a reset",
    create: decaysAs("solve", (decay) => like(decay, (g) => Math.max(g, -27.7))),
  },
  {
    name: "a reset is lost in trans",
    caughtBy: "exact › f32, decay per row: apply, resets",
    create: decaysAs("apply", (decay) => like(decay, (g) => (g === -Infinity ? 0 : g)), true),
  },
];

/** Computes equation (27) in float32, with a rounding after every operation, for one channel. */
function forgetfulSums(p: DecayVjpParams<HostTensor>): void {
  plainKernels.decayVjp(p);
  const { batch, n, r, trans, decay, out } = p;
  if (r !== 1 || batch !== 1 || trans) return;
  const [q, k, gQ, gK] = [p.q, p.k, p.qGradient, p.kGradient].map((t) => readView(t));
  let sum = p.start ? readView(p.start)[0]! : 0;
  const gaps = readView(decay);
  for (let t = 0; t < n; t++) {
    out.data[t] = gaps[t] === -Infinity ? 0 : sum;
    sum = Math.fround(sum - Math.fround(q![t]! * gQ![t]! - k![t]! * gK![t]!));
  }
}
