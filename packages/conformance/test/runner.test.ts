import { UnsupportedError, type HostTensor } from "@dlrt/core";
import { type Kernels } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { createPlainBackend, PlainBackend, plainKernels } from "../examples/plain-backend.js";
import { reportText, runSuites, testBackend, type Report } from "../src/index.js";
import { allCases } from "../src/suites/index.js";
import { titleOf } from "../src/report.js";

const small = { cases: 3, seed: 4, maxN: 70, maxWork: 2 ** 12 };

/** A right backend that has f32 only, and no inverses. */
class PoorBackend extends PlainBackend {
  override readonly supports = {
    ...new PlainBackend().supports,
    dtypes: ["f32" as const],
    missing: ["inverse" as const, "trilInverse" as const],
    fallback: "there is none better",
  };
  override readonly kernels: Kernels<HostTensor> = {
    ...plainKernels,
    inverse: () => {
      throw new UnsupportedError("inverse", "no call", "one");
    },
  };
}

test("what a backend lacks is not run, and the report says so", async () => {
  const report = await runSuites(() => new PoorBackend(), small);
  expect(report.failures).toEqual([]);
  const why = new Map(report.notRun.map((skip) => [skip.name, skip.why]));
  expect(why.get("inverse › f32: any problem")).toBe("no kernel inverse");
  expect(why.get("solve › f64: any problem, any options")).toBe("no f64");
  expect(report.rows.some(({ operation, dtype }) => operation === "inverse" || dtype === "f64")).toBe(false);
  expect(report.passed + report.notRun.length).toBe(allCases().length);
  expect(reportText(report)).toContain("not run: inverse › f32: any problem (no kernel inverse)");
  expect(reportText(report)).toContain("fallback: there is none better");
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
}, 60_000);

test("the report names the worst ω, its limit and its problem; the same seed gives the same report", async () => {
  const only = ["solve › f32"];
  const first = await runSuites(createPlainBackend, { ...small, only });
  const [row] = first.rows;
  expect(row).toMatchObject({ operation: "solve", dtype: "f32", limit: 16 });
  expect(row!.worst).toBeGreaterThan(0.1);
  expect(row!.worst).toBeLessThan(16);
  expect(row!.where).toMatch(/, f32, batch \d+, n \d+, r \d+, p \d+, seed \d+/);
  const second = await runSuites(createPlainBackend, { ...small, only });
  expect({ ...second, seconds: 0 }).toEqual({ ...first, seconds: 0 });
});

class WrongBackend extends PlainBackend {
  override readonly kernels = { ...plainKernels, solve: () => undefined };
}

test("a failure names the seed and the smallest counterexample", async () => {
  const report = await runSuites(() => new WrongBackend(), { ...small, only: ["solve › f32: any problem"] });
  expect(report.failures).toHaveLength(1);
  const { message } = report.failures[0]!;
  expect(message).toContain("ω = Infinity ε, allowed 16 ε, at");
  expect(message).toContain("seed: 4");
  expect(message).toContain("Counterexample");
  expect(report.rows[0]).toMatchObject({ worst: null, failed: 1 });
});

test("testBackend: a test a case, skipped ones by the runner's skip, and the report last", async () => {
  const names: string[] = [];
  const skipped: string[] = [];
  const bodies: (() => Promise<void>)[] = [];
  let report: Report | undefined;
  let made = 0;
  const disposed: PlainBackend[] = [];
  testBackend({
    ...small,
    skip: ["gradients"],
    test: (name, body, timeout) => {
      expect(timeout).toBeGreaterThan(1000);
      names.push(name);
      bodies.push(() => body({ skip: () => skipped.push(name) }));
    },
    create: () => {
      made++;
      const backend = new PoorBackend();
      disposed.push(backend);
      return backend;
    },
    onReport: (given) => {
      report = given;
    },
  });
  expect(made).toBe(0);
  for (const body of bodies) await body();
  expect(names).toEqual([...allCases().map(titleOf), "report"]);
  expect(skipped.filter((name) => name.startsWith("gradients")).length).toBeGreaterThan(10);
  expect(report!.notRun.map(({ name }) => name)).toEqual(skipped);
  expect(disposed.every((backend) => backend.disposed)).toBe(true);
}, 60_000);

test("testBackend: the report comes, and its test fails, where dispose rejects", async () => {
  const bodies: (() => Promise<void>)[] = [];
  let report: Report | undefined;
  testBackend({
    ...{ ...small, only: ["order"] },
    test: (_, body) => bodies.push(body),
    create: () => Object.assign(new PlainBackend(), { dispose: () => Promise.reject(new Error("gone")) }),
    onReport: (given) => void (report = given),
    skip: ["users", "flight"], // they dispose backends of their own
  });
  const last = bodies.pop()!;
  for (const body of bodies) await body();
  await expect(last()).rejects.toThrow("run › dispose: gone");
  expect(report).toMatchObject({ passed: 3, failures: [{ name: "run › dispose", message: "gone" }] });
});

test.each([0, NaN, -1, 2 ** 31, "5" as never])("stepTimeout %s is refused", async (stepTimeout) => {
  await expect(runSuites(createPlainBackend, { stepTimeout })).rejects.toThrow(
    /^stepTimeout: expected milli/,
  );
});

test("titles are unique", () => {
  const titles = allCases().map(titleOf);
  expect(new Set(titles).size).toBe(titles.length);
});
