import { expect, test } from "vitest";
import { families } from "./gaps.js";
import { streamed } from "./stream.js";

test.each([
  ["as gates are", "row"],
  ["as gates are", "channel"],
  ["resets", "channel"],
  ["-1e-8", "row"],
] as const)("20,000 rows in pieces, gaps %s by %s, keep ω ≤ 16 ε", async (name, channels) => {
  const { error, left } = await streamed(20_000, 1000, { family: families[name]!, channels });
  expect(error).toBeLessThanOrEqual(16);
  expect(left).toEqual({ tensors: 0, bytes: 0 });
});
