import { expect, test } from "vitest";
import { compileFactors, worstOfFloat32 } from "../factors.js";

test.each([false, true])(
  "relaxed: %s: e^x in float32 is right within 1 ulp for every number ≤ 0",
  (relaxed) => {
    const factors = compileFactors(relaxed, 32);
    expect(worstOfFloat32(factors, 0x80000000, 0xff800000)).toBeLessThanOrEqual(1);
  },
  1_800_000,
);
