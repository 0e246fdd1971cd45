import { expect, test } from "vitest";
import { families } from "../gaps.js";
import { streamed } from "../stream.js";

test("a million rows, streamed in pieces through the state, keep ω ≤ 16 ε", async () => {
  const { error, left } = await streamed(1_000_000, 4096);
  expect(error).toBeLessThanOrEqual(16);
  expect(left).toEqual({ tensors: 0, bytes: 0 });
}, 600_000);

test.each(["row", "channel"] as const)(
  "a million rows whose state decays, by %s",
  async (channels) => {
    for (const name of ["as gates are", "-1e-8", "resets"]) {
      const { error } = await streamed(1_000_000, 4096, { family: families[name]!, channels });
      expect(error, name).toBeLessThanOrEqual(16);
    }
  },
  1_800_000,
);
