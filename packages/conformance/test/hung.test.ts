/** Runs that something stops: a step that never settles, a backend that cannot be made, or a signal that aborts them. */
import type { Backend } from "@dlrt/core";
import { expect, test, vi } from "vitest";
import { createPlainBackend, PlainBackend } from "../examples/plain-backend.js";
import { reportText, runLayers, runSuites } from "../src/index.js";

const small = { cases: 3, seed: 4, maxN: 70, maxWork: 2 ** 12 };

const never = (): Promise<never> => new Promise(() => {});

/** Makes backends and keeps a list of them. What the first `hung` of them are asked to read never arrives. */
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
