import { Command } from "commander";
import { ValueError } from "@dlrt/core";
import { expect, test } from "vitest";
import { refuseMoved } from "../src/command-line/moved.js";
import { program, type Handlers } from "../src/command-line/program.js";

/** Parses in this process and answers which handler was called, and with what. */
async function parsed(...args: string[]): Promise<unknown[]> {
  let called: unknown[] = [];
  const note =
    (name: string) =>
    async (...given: unknown[]): Promise<void> => {
      called = [name, ...given];
    };
  const names = ["run", "compare", "layer", "scaling", "gpu", "charts", "peers"] as const;
  const handlers = Object.fromEntries(names.map((name) => [name, note(name)])) as unknown as Handlers;
  const quiet = new Command("bench").exitOverride().configureOutput({ writeErr: () => undefined });
  await program(handlers, quiet).parseAsync(args, { from: "user" });
  return called;
}

test("a command's name chooses it, and no name is the main comparison", async () => {
  expect(await parsed()).toMatchObject([
    "run",
    { workload: ["text"], decay: ["none"], repetitions: 15, seed: 1 },
  ]);
  expect(await parsed("--n", "4,5", "--no-peers")).toMatchObject(["run", { n: [4, 5], peers: false }]);
  expect(await parsed("run", "--d", "8")).toMatchObject(["run", { d: 8 }]);
  expect(await parsed("compare", "a.json", "--n", "4")).toMatchObject(["compare", "a.json", { n: [4] }]);
  expect(await parsed("layer", "--task", "decoding", "--keys", "8", "--webgpu")).toMatchObject([
    "layer",
    { task: ["decoding"], keys: 8, webgpu: true, peers: true, repetitions: 15 },
  ]);
  expect(await parsed("scaling")).toMatchObject(["scaling", undefined, { save: false }]);
  expect(await parsed("scaling", "x.html", "--save")).toMatchObject(["scaling", "x.html", { save: true }]);
  expect(await parsed("gpu", "--d", "32")).toMatchObject(["gpu", { d: 32, save: false }]);
  expect(await parsed("charts", "a.json", "b.json")).toMatchObject(["charts", ["a.json", "b.json"]]);
  expect((await parsed("peers"))[0]).toBe("peers");
});

test("each command takes what it can use, and nothing else", async () => {
  const refused = [
    [["gpu", "--csv", "x"], "unknown option '--csv'"],
    [["gpu", "--backends", "js"], "unknown option '--backends'"],
    [["scaling", "--operation", "solve"], "unknown option '--operation'"],
    [["scaling", "--decay", "row"], "unknown option '--decay'"],
    [["scaling", "--data", "x"], "unknown option '--data'"],
    [["layer", "--n", "4"], "unknown option '--n'"],
    [["layer", "--layer", "gla"], "one of delta, gated, kda"],
    [["layer", "--task", "sleep"], "one of prefill, decoding, training"],
    [["charts", "x.json", "--n", "4"], "unknown option '--n'"],
    [["charts"], "missing required argument 'files'"],
    [["compare"], "missing required argument 'before'"],
    [["peers", "--n", "4"], "unknown option '--n'"],
    [["--n", "4", "scaling"], "too many arguments"],
    [["stray"], "too many arguments"],
    [["--n", "-1"], "at least 1"],
    [["--dtype", "f16"], "one of f32, f64"],
    [["--decay", "half"], "one of none, row, channel"],
    [["--operation", "invert"], "one of solve, apply"],
    [["--frobnicate"], "unknown option"],
    [["--decay", "row", "--data", "x"], "cannot be used with option"],
  ] as const;
  for (const [args, message] of refused) {
    await expect(parsed(...args), args.join(" ")).rejects.toThrow(message);
  }
});

test("a flag that chose a mode before is refused with the command in its place", () => {
  const moved = {
    "--scaling": "bench scaling",
    "--scaling=x.html": "bench scaling",
    "--gpu-report": "bench gpu",
    "--charts": "bench charts FILE",
    "--compare": "bench compare FILE",
  };
  for (const [flag, command] of Object.entries(moved)) {
    const refuse = (): void => refuseMoved(["--n", "4", flag]);
    expect(refuse).toThrow(ValueError);
    expect(refuse).toThrow(`${flag.split("=")[0]}: expected the command ${command}`);
  }
  expect(() => refuseMoved(["scaling", "--charts-of-mine", "compare"])).not.toThrow();
});
