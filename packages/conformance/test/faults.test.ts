import { expect, test } from "vitest";
import { runSuites, type Report } from "../src/index.js";
import { allCases } from "../src/suites/index.js";
import { faults, lonelyFaults, type Fault } from "./faults.js";

const small = { cases: 8, seed: 1, maxN: 300, maxWork: 2 ** 14 } as const;
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

test.each(Object.entries(lonelyFaults))(
  "%s alone finds its fault",
  async (suite, { create, caughtBy, budget }) => {
    const report = await runSuites(create, { ...small, ...budget });
    expect(failed(report)).toContain(caughtBy);
    expect([...new Set(failed(report).map((name) => name.split(" › ")[0]))]).toEqual([suite]);
  },
  120_000,
);
