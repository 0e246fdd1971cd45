/** Reports on backends that say and throw whatever they like, and reports as Markdown. */
import { expect, test } from "vitest";
import { createPlainBackend, PlainBackend, plainKernels } from "../examples/plain-backend.js";
import { reportMarkdown, runSuites } from "../src/index.js";

const small = { cases: 3, seed: 4, maxN: 70, maxWork: 2 ** 12 };

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

/** A backend whose solve writes nothing. */
class WrongBackend extends PlainBackend {
  override readonly kernels = { ...plainKernels, solve: () => undefined };
}

test("Markdown: a column per backend and dtype; a broken promise shows", async () => {
  const only = ["order", "solve › f32: any problem"];
  const good = await runSuites(createPlainBackend, { ...small, only });
  const bad = await runSuites(() => new WrongBackend(), { ...small, only });
  const table = reportMarkdown([good, bad]);
  expect(table).toContain("| worst ω, in ε | plain f32 | plain f64 | plain f32 | plain f64 |");
  expect(table).toMatch(/\| order, concurrency \| held \| held \| broken \| broken \|/);
  expect(table).toMatch(/\| solve \| \d\.\d\d ≤ 16 \| not run \| not finite \| not run \|/);
});
