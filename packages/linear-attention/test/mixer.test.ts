import type { Dtype } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { backends } from "./backends.js";
import { cuts, mixerError } from "./mixer.js";

describe.each(backends.flatMap((own) => own.dtypes.map((dtype) => ({ ...own, dtype }))))(
  "$name, $dtype",
  ({ create, dtype }) => {
    /** How far the mixer may be off, relative to the largest element of its output. */
    const limit = ({ f32: 6e-7, f64: 4e-15 } satisfies Record<Dtype, number>)[dtype];

    test.each(cuts.map((bounds) => [bounds]))(
      "a whole token mixer against plain loops, bounds %j",
      async (bounds) => {
        const backend = await create();
        expect(await mixerError(backend, dtype, bounds)).toBeLessThan(limit);
        await backend.dispose();
      },
    );
  },
);
