import { expect, test } from "vitest";
import { runSuites, type Report } from "../src/index.js";
import { allCases } from "../src/suites/index.js";
import type { Fault } from "./faults/faulty.js";
import { faults } from "./faults/index.js";
import { lonelyFaults } from "./faults/lonely.js";
import { careful } from "./faults/sums.js";

const LONG = process.env["DLRT_LONG"] !== undefined;
const small = { cases: 8, seed: 1, maxN: 300, maxWork: 2 ** 14 } as const;
/** The budget for runs of the whole suite. */
const all = { cases: 5, maxN: 140, maxWork: 2 ** 12 } as const;
const failed = ({ failures }: Report): string[] => failures.map(({ name }) => name);

test.each(faults.map((fault): [string, Fault] => [fault.name, fault]))(
  "caught: %s",
  async (_, { caughtBy, create, budget }) => {
    const report = await runSuites(create, { ...small, ...budget, cases: 20, only: [caughtBy] });
    expect(failed(report)).toEqual(expect.arrayContaining([caughtBy]));
  },
  60_000,
);

const suiteNames = [...new Set(allCases().map(({ suite }) => suite))];

test("every suite has a fault of its own", () => {
  expect(Object.keys(lonelyFaults).slice().sort()).toEqual(suiteNames.slice().sort());
});

/**
 * Proving that no other suite finds a fault takes a run of the whole suite, which is seconds for each. By default it is
 * proven for one fault of each kind, of a kernel, of memory and of the order of calls; in the long run for all of them.
 */
const KINDS = ["gradients", "views", "order"];
const alone = Object.entries(lonelyFaults).filter(([suite]) => LONG || KINDS.includes(suite));

test.each(alone)(
  "%s alone finds its fault",
  async (suite, { create, caughtBy, budget }) => {
    const report = await runSuites(create, { ...small, ...all, ...budget });
    expect(failed(report)).toContain(caughtBy);
    expect([...new Set(failed(report).map((name) => name.split(" › ")[0]))]).toEqual([suite]);
  },
  120_000,
);

test.each(["f32", "f64"] as const)(
  "%s with every operation rounded and every care taken passes what the careless ones do not",
  async (dtype) => {
    const only = ["solve", "apply"].flatMap((verb) =>
      ["sums of", "long sums"].map((name) => `${verb} › ${dtype}: ${name}`),
    );
    const report = await runSuites(careful(dtype), { ...small, maxN: 8192, maxWork: 2 ** 15, only });
    expect(report.failures).toEqual([]);
    expect(report.passed).toBe(10);
  },
  120_000,
);

test("f32 with every operation rounded and factors of exact sums passes what the careless ones do not", async () => {
  const only = ["solve", "apply"].flatMap((verb) =>
    ["row", "channel"].flatMap((kind) =>
      ["every family of gates", "awkward sizes", "unlucky gates"].map(
        (name) => `${verb} › f32, decay per ${kind}: ${name}`,
      ),
    ),
  );
  const report = await runSuites(careful("f32"), { ...small, only });
  expect(report.failures).toEqual([]);
  expect(report.passed).toBe(12);
}, 120_000);
