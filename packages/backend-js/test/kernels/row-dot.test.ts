import type { Dtype } from "@dlrt/core";
import { unitRoundoff } from "@dlrt/core";
import { describe, expect, it } from "vitest";
import { rowDot } from "../../src/kernels/row-dot.js";
import { tensor } from "./problems.js";
import { randomFrom } from "../../../../tooling/random.mjs";

describe.each(["f32", "f64"] as Dtype[])("rowDot %s", (dtype) => {
  it.each([0, 1, 3, 4, 5, 64, 257])("p %i", (p) => {
    const random = randomFrom(p);
    const [batch, n] = [2, 7];
    const x = tensor([batch, n, p], dtype, random);
    const y = tensor([batch, n, p], dtype, random);
    const out = tensor([batch, n, 1], dtype);
    rowDot({ batch, n, p, alpha: -2, x, y, out });
    for (let i = 0; i < batch * n; i++) {
      let sum = 0;
      let bound = 0;
      for (let j = i * p; j < (i + 1) * p; j++) {
        sum -= 2 * x.data[j]! * y.data[j]!;
        bound += 2 * Math.abs(x.data[j]! * y.data[j]!);
      }
      expect(Math.abs(out.data[i]! - sum)).toBeLessThanOrEqual(4 * unitRoundoff[dtype] * bound);
    }
  });
});
