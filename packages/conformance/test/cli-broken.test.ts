/**
 * The program on backends that hang, end the process, or throw where no one listens. Its exit code must tell so, and
 * its report must be written.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../src/index.js";
import { commandWith, small, type Outcome } from "./command.js";

const modules = {
  "faulty.mjs": `
    import { createPlainBackend, PlainBackend } from "./plain-backend.js";
    const never = () => new Promise(() => {});
    const later = () => new Promise((resolve) => setTimeout(resolve, 2 ** 30)); // keeps the event loop alive
    function changed(change) {
      return () => Object.assign(createPlainBackend(), change);
    }
    function onSolve(first) {
      return () => {
        const backend = createPlainBackend();
        const { solve } = backend.kernels;
        return Object.assign(backend, { kernels: { ...backend.kernels, solve: (p) => (first(), solve(p)) } });
      };
    }
    export const hungCreate = never;
    export const hungCreateBusy = later;
    export const hungRead = changed({ read: never });
    export const hungDispose = changed({ dispose: never });
    export const dispose = changed({ dispose: () => Promise.reject(new Error("device is gone")) });
    export const exits = onSolve(() => process.exit(0));
    export const exitsLate = changed({ dispose: () => process.exit(0) });
    export const rejects = onSolve(() => void Promise.reject(new Error("nobody listens")));
    export const throwsLater = onSolve(() => setTimeout(() => { throw new Error("out of a timer"); }));
    export const loops = onSolve(() => { for (;;); });
    export const aborts = onSolve(() => process.kill(process.pid, "SIGKILL"));
    export const silent = onSolve(() => { console.log("hello"); process.disconnect(); });
    export class Loud extends PlainBackend {
      name = "a|b \`c\` <i>\\n| x | [l](u)\\u001b[2J\\u202e";
    }
    export const loud = () => new Loud();
    let made = 0;
    export const hangsOnce = () => Object.assign(createPlainBackend(), made++ === 0 ? { read: never } : {});`,
  "never.mjs": "await new Promise(() => {}); export const create = 1;",
};
const { folder, run } = commandWith(modules);

interface Judged extends Outcome {
  readonly report: Report;
  readonly markdown: string;
}

let files = 0;

/**
 * Judges a backend's module by the program, and reads the reports that it wrote.
 *
 * @param limit seconds that one step may take; large where nothing hangs
 * @param only beginnings of the names of the cases to run
 */
async function judge(module: string, limit: number, ...only: string[]): Promise<Judged> {
  const name = `report-${files++}`;
  const out = ["--json", `${name}.json`, "--markdown", `${name}.md`, "--step-timeout", String(limit)];
  const outcome = await run("--backend", module, ...small, ...out, "--only", ...only);
  const text = (end: string): string => readFileSync(join(folder(), `${name}.${end}`), "utf8");
  return { ...outcome, report: JSON.parse(text("json")) as Report, markdown: text("md") };
}

const SOLVE = "order › inputs may go at once";
const AFTER = "order › concurrent users";
const VIEW = "views › f32: upload and read copy";
const APART = "supports › name, build, limits";

test.concurrent.each([
  ["create that never settles", "hungCreate", 1, SOLVE, SOLVE, "create did not settle within 1 s"],
  ["the same, with a timer", "hungCreateBusy", 1, SOLVE, SOLVE, "create did not settle within 1 s"],
  ["a read that never settles", "hungRead", 1, SOLVE, SOLVE, "read did not settle within 1 s"],
  [
    "a dispose that never settles",
    "hungDispose",
    1,
    VIEW,
    "run › dispose",
    "dispose did not settle within 1 s",
  ],
  ["a dispose that rejects", "dispose", 30, VIEW, "run › dispose", "device is gone"],
  ["a case's own dispose", "hungDispose", 1, APART, APART, "dispose did not settle within 1 s"],
  ["an unhandled rejection in a kernel", "rejects", 30, SOLVE, SOLVE, "unhandled rejection: nobody listens"],
  ["an error thrown in a timer", "throwsLater", 30, SOLVE, SOLVE, "uncaught exception: out of a timer"],
  ["process.exit(0) in a kernel", "exits", 30, SOLVE, SOLVE, "the backend's process ended with exit code 0"],
  [
    "process.exit(0) in dispose",
    "exitsLate",
    30,
    VIEW,
    "run › dispose",
    "the backend's process ended with exit code 0",
  ],
  ["a call that never returns", "loops", 1, SOLVE, SOLVE, "a call did not return within 1 s"],
])(
  "exit code 1, and the report names it: %s",
  async (_, name, limit, only, failed, message) => {
    const { code, stdout, stderr, report, markdown } = await judge(`./faulty.mjs#${name}`, limit, only);
    expect([code, stderr]).toEqual([1, ""]);
    expect(report.failures[0]).toEqual({ name: failed, message });
    expect(stdout).toContain(`FAILED ${failed}\n  ${message}\n`.trimEnd());
    expect(markdown).toContain(`Failed: ${failed}`);
    expect(report).toMatchObject({ seed: 7 });
  },
  120_000,
);

test.concurrent("a crash ends the run; what passed before it, and what was not run after it, is told", async () => {
  const { code, report } = await judge("./faulty.mjs#aborts", 30, VIEW, SOLVE, AFTER);
  expect(code).toBe(1);
  expect(report.passed).toBe(1);
  expect(report.backend.name).toBe("plain");
  const message = /^the backend's process (was killed by SIGKILL|ended with exit code 1)$/; // 1 on Windows
  expect(report.failures).toEqual([{ name: SOLVE, message: expect.stringMatching(message) }]);
  expect(report.notRun).toEqual([{ name: AFTER, why: "the run broke off" }]);
  expect(report.rows).toContainEqual({ operation: "order, concurrency", cases: 0, failed: 1 });
}, 120_000);

test.concurrent("a module that never loads", async () => {
  const { code, report } = await judge("./never.mjs", 1, SOLVE);
  expect(code).toBe(1);
  const message = "loading ./never.mjs did not settle within 1 s";
  expect(report.failures).toEqual([{ name: "run › loading", message }]);
  expect(report.notRun).toEqual([{ name: SOLVE, why: "the run broke off" }]);
}, 120_000);

test.concurrent("after a step that hung, the others run on a new backend", async () => {
  const { code, report } = await judge("./faulty.mjs#hangsOnce", 1, VIEW, "order › a chain", SOLVE);
  expect(code).toBe(1);
  expect(report.failures.map(({ name }) => name)).toEqual([VIEW]);
  expect(report.passed).toBe(2);
}, 120_000);

test.concurrent("what a backend prints goes to stderr, and one that leaves its parent breaks the run off", async () => {
  const { code, stdout, stderr } = await run(
    ...["--backend", "./faulty.mjs#silent", ...small, "--only", SOLVE, "--json", "-"],
  );
  expect([code, stderr]).toEqual([1, "hello\n"]);
  expect((JSON.parse(stdout) as Report).failures.map(({ name }) => name)).toEqual([SOLVE]);
}, 120_000);

test.concurrent("a name is text: no cell, no markup, no cursor", async () => {
  const { stdout, report, markdown } = await judge("./faulty.mjs#loud", 30, VIEW);
  expect(report.backend.name).toBe("a|b `c` <i>\n| x | [l](u)\u001B[2J\u202E");
  const [first] = stdout.split("\n");
  expect(first).toMatch(
    /^a\|b `c` <i>\\u000a\| x \| \[l\]\(u\)\\u001b\[2J\\u202e \(plain loops\): 1 tests passed/,
  );
  const name = String.raw`a\|b \`c\` &lt;i&gt; \| x \| \[l\](u)\\u001b\[2J\\u202e`;
  expect(markdown.split("\n")[2]).toMatch(/^\| a\\\|b /);
  expect(markdown).toContain(`| ${name} (plain loops) | ✅ 1 | 0 |`);
  expect(markdown).toContain(`| ${name} f32 | ${name} f64 |`);
}, 120_000);

test.concurrent.each([["0"], ["-1"], ["soon"], ["9999999"]])(
  "exit code 2: --step-timeout %s",
  async (value) => {
    const { code, stderr } = await run("--list", "--step-timeout", value);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .*Expected seconds, at least 0\.001/);
  },
  120_000,
);
