import { UnsupportedError, type Backend, type HostTensor } from "@dlrt/core";
import { type Kernels } from "@dlrt/core/backend";
import { expect, test, vi } from "vitest";
import { createPlainBackend, PlainBackend, plainKernels } from "../examples/plain-backend.js";
import { reportMarkdown, reportText, runLayers, runSuites, testBackend, type Report } from "../src/index.js";
import { allCases } from "../src/suites/index.js";
import { titleOf } from "../src/report.js";

const small = { cases: 3, seed: 4, maxN: 70, maxWork: 2 ** 12 };

/** f32 only, and no inverses. */
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

const never = (): Promise<never> => new Promise(() => {});

/** Counts those that were made and disposed; the first `hung` of them never give what they are asked for. */
function hanging(hung: number): { create: () => PlainBackend; made: PlainBackend[] } {
  const made: PlainBackend[] = [];
  const create = (): PlainBackend => {
    const backend = new PlainBackend();
    if (made.push(backend) <= hung) backend.read = never;
    return backend;
  };
  return { create, made };
}

test("a step that does not settle fails its case, and the run goes on with a new backend", async () => {
  const { create, made } = hanging(1);
  const only = ["views › f32"];
  const report = await runSuites(create, { ...small, only, stepTimeout: 300 });
  expect(report.failures).toEqual([
    {
      name: "views › f32: strided, offset, reversed, broadcast",
      message: "read did not settle within 0.3 s",
    },
  ]);
  expect(report.passed).toBe(4);
  expect(made.map(({ disposed }) => disposed)).toEqual([true, true]);
});

test("an abort between two cases ends the run with its reason, and nothing is left", async () => {
  const { create, made } = hanging(0);
  const stop = new AbortController();
  const told: string[] = [];
  const onCase = (title: string): void => {
    told.push(title);
    if (told.length === 2) stop.abort(new Error("enough"));
  };
  const run = runSuites(create, { ...small, only: ["views › "], onCase, signal: stop.signal });
  await expect(run).rejects.toThrow("enough");
  expect(told).toHaveLength(2);
  expect(made.map(({ disposed }) => disposed)).toEqual([true]);
});

test("an abort does not wait for a step that never settles", async () => {
  const { create, made } = hanging(100);
  const stop = new AbortController();
  const reason = new Error("now");
  setTimeout(() => stop.abort(reason), 50);
  const onCase = vi.fn<(title: string) => void>();
  const only = ["views › f32: strided"];
  const run = runSuites(create, { ...small, only, onCase, signal: stop.signal });
  await expect(run).rejects.toBe(reason);
  expect(onCase).not.toHaveBeenCalled();
  expect(made.map(({ disposed }) => disposed)).toEqual([true]);
});

test.each([
  ["runSuites", runSuites],
  ["runLayers", runLayers],
])("%s makes no backend for a signal that was aborted before, and refuses what is none", async (_, run) => {
  const create = vi.fn<() => Backend>(createPlainBackend);
  const before = { ...small, signal: AbortSignal.abort(new Error("before")) };
  await expect(run(create, before)).rejects.toThrow("before");
  const none = { ...small, signal: true as never };
  await expect(run(create, none)).rejects.toThrow("signal: expected an AbortSignal, got true");
  expect(create).not.toHaveBeenCalled();
});

test("a signal that does not abort changes nothing, and keeps no listener", async () => {
  const { signal } = new AbortController();
  const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
  const report = await runSuites(createPlainBackend, { ...small, only: ["views › f32"], signal });
  expect([report.passed, report.failures]).toEqual([5, []]);
  expect(removed.mock.calls).toEqual(added.mock.calls);
});

test("after three that did not settle the run gives up, and says what it has not run", async () => {
  const { create, made } = hanging(100);
  const report = await runSuites(create, { ...small, only: ["views › "], stepTimeout: 100 });
  expect(report.failures.map(({ message }) => message)).toEqual(
    Array(3).fill("read did not settle within 0.1 s"),
  );
  expect(report.notRun).toHaveLength(7);
  expect(new Set(report.notRun.map(({ why }) => why))).toEqual(
    new Set(["given up after 3 steps of the backend's that failed or did not settle"]),
  );
  expect(made.map(({ disposed }) => disposed)).toEqual([true, true, true]);
});

test("what a case goes on to do after it was given up reaches neither report nor backend", async () => {
  let release = (): void => {};
  let late: PlainBackend | undefined;
  const create = (): PlainBackend => {
    const backend = new PlainBackend();
    const read = backend.read.bind(backend);
    if (late) return backend;
    late = backend;
    backend.read = async (t) => {
      const data = read(t);
      await new Promise<void>((resolve) => (release = resolve));
      return data;
    };
    return backend;
  };
  const only = ["views › f32: any strides", "views › f32: upload and read copy"];
  const report = await runSuites(create, {
    ...{ ...small, cases: 50, only, stepTimeout: 200 },
    onCase: () => release(),
  });
  expect(report.failures.map(({ name }) => name)).toEqual(["views › f32: any strides and offset"]);
  expect([report.passed, report.cases]).toEqual([1, 1]);
});

test("a backend that cannot be made fails case by case, then is given up", async () => {
  const create = (): never => {
    throw new Error("no device");
  };
  const report = await runSuites(create, { ...small, only: ["order"] });
  expect(report.failures.map(({ message }) => message)).toEqual(Array(3).fill("no device"));
  expect(report.notRun).toHaveLength(2);
  expect(report.backend).toEqual({ name: "no backend", build: "none was made", dtypes: [] });
  expect(reportText(report)).toContain("no backend (none was made): 0 tests passed, 3 failed, 2 not run");
});

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

test("a backend that does not say what it is gets a report all the same, as plain JSON", async () => {
  const supports = { ...new PlainBackend().supports, build: 1n as never, fallback: Symbol("f") as never };
  const odd = (): PlainBackend =>
    Object.assign(new PlainBackend(), { supports, name: { toString: null } as never });
  const report = await runSuites(odd, { ...small, only: ["supports › name", "order › a chain"] });
  expect(report.failures).toHaveLength(1);
  expect(report.backend).toMatchObject({
    name: "a value that cannot be shown",
    build: "1",
    fallback: "Symbol(f)",
  });
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

function thrower(): never {
  throw new Error("a getter that throws");
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test.each<[string, unknown]>([
  ["undefined", undefined],
  ["an object without a prototype", Object.create(null)],
  ["a revoked proxy", revoked()],
  ["an error whose message throws", Object.defineProperty(new Error("x"), "message", { get: thrower })],
])("a kernel that throws %s: failures in a report", async (_, thrown) => {
  const solve = (): never => {
    throw thrown;
  };
  const create = (): PlainBackend =>
    Object.assign(new PlainBackend(), { kernels: { ...plainKernels, solve } });
  const only = ["order › a chain", "solve › f32: any problem", "supports › kernels", "lifetime › no temp"];
  const report = await runSuites(create, { ...small, only });
  expect(report.failures.map(({ message }) => typeof message)).toEqual(Array(4).fill("string"));
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
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

test("Markdown: a column per backend and dtype; a broken promise shows", async () => {
  const only = ["order", "solve › f32: any problem"];
  const good = await runSuites(createPlainBackend, { ...small, only });
  const bad = await runSuites(() => new WrongBackend(), { ...small, only });
  const table = reportMarkdown([good, bad]);
  expect(table).toContain("| worst ω, in ε | plain f32 | plain f64 | plain f32 | plain f64 |");
  expect(table).toMatch(/\| order, concurrency \| held \| held \| broken \| broken \|/);
  expect(table).toMatch(/\| solve \| \d\.\d\d ≤ 16 \| not run \| not finite \| not run \|/);
});
