/** Faults in tensors that do not lie contiguously, and in views. */
import type { HostTensor, Layout, Shape } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { plainKernels } from "../../examples/plain-backend.js";
import { after, FaultyBackend, of, withKernels, wrongly, type Fault } from "./faulty.js";

/** Returns a tensor over the same memory with a changed layout. */
function lies(t: HostTensor, change: (layout: Layout) => Partial<Layout>): HostTensor {
  const { dtype, shape, layout, data } = t;
  return { dtype, shape, layout: { ...layout, ...change(layout) }, data } as unknown as HostTensor;
}

const packed = (t: HostTensor): boolean => t.layout.heads > 1;

const LAYER = "layouts › f32: a layer's packed arrays, shared key heads";

/** A fault that only a layer with shared heads shows. */
export const sharedHeadAdvanced: Fault = {
  name: "a shared head advances with every entry",
  caughtBy: LAYER,
  create: wrongly("solve", ({ q, k }) => ({
    q: lies(q, () => ({ shared: 1 })),
    k: lies(k, () => ({ shared: 1 })),
  })),
};

export const layoutFaults: readonly Fault[] = [
  {
    name: "the stride between heads is ignored",
    caughtBy: LAYER,
    create: wrongly("solve", ({ b }) => ({ b: packed(b) ? lies(b, () => ({ head: 0 })) : b })),
  },
  {
    name: "λ is taken to lie contiguously",
    caughtBy: LAYER,
    create: wrongly("solve", ({ diag }) => ({ diag: lies(diag!, () => ({ row: 1 })) })),
  },
  {
    name: "rows are taken to follow each other upwards",
    caughtBy: "layouts › f32: apply, any layouts",
    create: wrongly("apply", ({ x }) => ({ x: lies(x, ({ row }) => ({ row: Math.abs(row) })) })),
  },
  {
    name: "the last row of a result is written one column too far",
    caughtBy: "layouts › f32: solve, any layouts",
    create: after("solve", ({ out, n, p }) => {
      const { offset, row, heads } = out.layout;
      if (n > 0 && heads === 1 && row > p) out.data[offset + (n - 1) * row + p] = 0;
    }),
  },
  {
    name: "copy takes the state's rows to follow each other",
    caughtBy: "layouts › f32: applyVjp, any layouts",
    create: withKernels({
      copy: (p) => plainKernels.copy({ ...p, x: lies(p.x, () => ({ row: p.x.shape[2] })) }),
    }),
  },
  {
    name: "decayVjp writes contiguously",
    caughtBy: "layouts › f32, decay per channel: solveVjp, any layouts",
    create: withKernels({
      decayVjp: (p) => plainKernels.decayVjp({ ...p, out: lies(p.out, () => ({ row: p.out.shape[2] })) }),
    }),
  },
  {
    name: "the decay's layout is taken for contiguous",
    caughtBy: "layouts › f32, decay per row: solve, any layouts",
    create: wrongly("solve", ({ decay }) => (decay ? { decay: lies(decay, () => ({ row: 1 })) } : {})),
  },
  {
    name: "a view is a copy",
    caughtBy: "layouts › f32: views count nothing and go with what they view",
    create: of(
      class extends FaultyBackend {
        override view(t: HostTensor, shape: Shape, layout: Layout): HostTensor {
          return this.upload({ data: readView(super.view(t, shape, layout)), shape });
        }
      },
    ),
  },
  {
    name: "read gives a view's memory from its first element on",
    caughtBy: "layouts › f32: a read of a view",
    create: of(
      class extends FaultyBackend {
        override async read(t: HostTensor): Promise<HostTensor["data"]> {
          const right = await super.read(t);
          return t.data.slice(t.layout.offset, t.layout.offset + right.length);
        }
      },
    ),
  },
  {
    name: "views are not checked",
    caughtBy: "bad input › layouts",
    create: of(
      class extends FaultyBackend {
        override view(t: HostTensor, shape: Shape, layout: Layout): HostTensor {
          if (shape[1] === t.shape[1] + 1) return super.view(t, t.shape, layout);
          return super.view(t, shape, layout);
        }
      },
    ),
  },
];
