import { afterEach, expect, test, vi } from "vitest";
import { testBackend } from "../src/index.js";
import { planOf } from "../src/options.js";
import { createPlainBackend } from "../examples/plain-backend.js";

afterEach(() => vi.unstubAllEnvs());

test("the seed: the same in every run, unless one is named or a fresh one is asked for", () => {
  vi.stubEnv("DLRT_CONFORMANCE_SEED", "");
  expect(planOf({})).toMatchObject({ seed: planOf({}).seed, fresh: false });
  expect(planOf({ seed: 0 })).toMatchObject({ seed: 0, fresh: false });
  const drawn = Array.from({ length: 5 }, () => planOf({ seed: "fresh" }));
  expect(new Set(drawn.map(({ seed }) => seed)).size).toBeGreaterThan(1);
  expect(drawn.every(({ seed, fresh }) => fresh && Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
  vi.stubEnv("DLRT_CONFORMANCE_SEED", "77");
  expect(planOf({})).toMatchObject({ seed: 77, fresh: false });
  expect(planOf({ seed: 5 })).toMatchObject({ seed: 5, fresh: false });
  vi.stubEnv("DLRT_CONFORMANCE_SEED", "fresh");
  expect(planOf({}).fresh).toBe(true);
  expect(planOf({ seed: 5 })).toMatchObject({ seed: 5, fresh: false });
  vi.stubEnv("DLRT_CONFORMANCE_SEED", "-1");
  expect(() => planOf({})).toThrow("DLRT_CONFORMANCE_SEED: expected an integer ≥ 0, got -1");
  vi.stubEnv("DLRT_CONFORMANCE_SEED", "");
  vi.stubEnv("DLRT_CONFORMANCE_CASES", "many");
  expect(() => planOf({})).toThrow("DLRT_CONFORMANCE_CASES: expected an integer ≥ 0, got many");
});

test("a fresh seed is printed before the first case", () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const options = { test: () => undefined, create: createPlainBackend };
  testBackend({ ...options, seed: 3 });
  expect(log).not.toHaveBeenCalled();
  testBackend({ ...options, seed: "fresh" });
  expect(log.mock.calls).toEqual([[expect.stringMatching(/^DLRT_CONFORMANCE_SEED=\d+$/)]]);
  log.mockRestore();
});
