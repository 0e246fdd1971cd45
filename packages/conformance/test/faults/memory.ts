/** Faults of what lies around the kernels: of tensors, of their memory, and of what a backend says of itself. */
import type { Dtype, FloatArray, HostTensor, HostView, Shape, Supports } from "@dlrt/core";
import { PlainBackend } from "../../examples/plain-backend.js";
import { FaultyBackend, of, type Fault } from "./faulty.js";

export const memoryFaults: readonly Fault[] = [
  {
    name: "upload ignores the offset",
    caughtBy: "views › f32: strided, offset, reversed, broadcast",
    create: of(
      class extends FaultyBackend {
        override upload(view: HostView): HostTensor {
          return super.upload(view.strides ? view : { ...view, offset: 0 });
        }
      },
    ),
  },
  {
    name: "read gives the memory itself",
    caughtBy: "views › f32: upload and read copy",
    create: of(
      class extends FaultyBackend {
        override async read(t: HostTensor): Promise<FloatArray> {
          await super.read(t);
          return t.data;
        }
      },
    ),
  },
  {
    name: "every access names another storage, so that aliases are not found",
    caughtBy: "bad input › options and aliases",
    create: of(
      class extends FaultyBackend {
        protected override own(shape: Shape, dtype: Dtype): HostTensor {
          return Object.defineProperty(super.own(shape, dtype), "storage", { get: () => ({}) });
        }
      },
    ),
  },
  {
    name: "a refused upload is counted",
    caughtBy: "bad input › views",
    create: of(
      class extends FaultyBackend {
        override upload(view: HostView): HostTensor {
          this.ledger.assertOpen();
          this.ledger.count(1, 0);
          const t = super.upload(view);
          this.ledger.count(-1, 0);
          return t;
        }
      },
    ),
  },
  {
    name: "allocations are not checked",
    caughtBy: "bad input › allocations",
    create: of(
      class extends FaultyBackend {
        override empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
          this.ledger.assertOpen();
          return this.own(shape, dtype);
        }
      },
    ),
  },
  {
    name: "memory() misses a disposal",
    caughtBy: "lifetime › memory() counts what lives",
    create: of(
      class extends FaultyBackend {
        override memory(): { tensors: number; bytes: number } {
          const { tensors, bytes } = super.memory();
          return { tensors: Math.max(tensors, 1), bytes };
        }
      },
    ),
  },
  {
    name: "claims f64, and makes f32",
    caughtBy: "supports › dtypes",
    create: of(
      class extends FaultyBackend {
        override supports: Supports = { ...new PlainBackend().supports };
        protected override own(shape: Shape): HostTensor {
          return super.own(shape, "f32");
        }
      },
    ),
  },
];
