import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { Alphabet, readFiles, split } from "../corpus.mjs";
import { kneserNey } from "../n-grams.mjs";
import { countOf, defaults, initialize, plan } from "../parameters.mjs";
import { shared, Team } from "../team.mjs";
import { judge, train } from "../train.mjs";
import { load } from "../weights.mjs";

const folder = mkdtempSync(join(tmpdir(), "dlrt-text-"));
afterAll(() => rmSync(folder, { recursive: true }));

const files = readFiles();
const alphabet = new Alphabet(files.map(({ text }) => text).join(""));
const { trained, heldOut } = split(files);

test("whole files are held out, by the seed; the text comes back from its numbers", () => {
  expect(files.length).toBeGreaterThan(100);
  expect([...trained, ...heldOut].length).toBe(files.length);
  expect(heldOut.length).toBeGreaterThan(5);
  expect(split(files, 2).heldOut).not.toEqual(heldOut);
  for (const { path, text } of heldOut) {
    expect(alphabet.decode(alphabet.encode(text)), path).toBe(text);
    expect(trained.map((file) => file.path)).not.toContain(path);
  }
  expect(() => alphabet.encode("\u0007")).toThrow(/a character of the alphabet expected/);
});

const stream = shared(Uint8Array, alphabet.join(trained));

/** Trains a small model, and returns the losses of its steps and its parameters at the end. */
async function run(workers, steps, options = {}) {
  const sizes = { ...defaults, size: alphabet.size, width: 24, heads: 2, blocks: 1, hidden: 32 };
  const parameters = shared(Float32Array, countOf(plan(sizes)));
  initialize(parameters, plan(sizes), sizes, 1);
  const team = new Team(workers, sizes, parameters);
  const losses = [];
  await train(team, parameters, stream, { batch: 2, tokens: 96, steps, ...options }, ({ loss }) =>
    losses.push(loss),
  );
  const judged = shared(Uint8Array, alphabet.join(heldOut).subarray(0, 3000));
  const result = await judge(team, judged, { length: 1000, tokens: 96 });
  expect(await team.end()).toEqual(Array.from({ length: workers }, () => ({ tensors: 0, bytes: 0 })));
  return { losses, parameters, result };
}

test("the loss falls; two runs have the same bits; one worker does what two do but for rounding", async () => {
  const [two, again, one] = [await run(2, 40), await run(2, 5), await run(1, 5)];
  const mean = (losses) => losses.reduce((sum, x) => sum + x, 0) / losses.length;
  expect(mean(two.losses.slice(0, 3))).toBeGreaterThan(Math.log(alphabet.size) - 1);
  expect(mean(two.losses.slice(-10))).toBeLessThan(mean(two.losses.slice(0, 3)) - 1);
  expect((await run(2, 5)).parameters).toEqual(again.parameters);
  expect(one.losses.map((loss, i) => Math.abs(loss - again.losses[i])).filter((x) => x > 1e-4)).toEqual([]);
  expect(again.losses).not.toEqual(one.losses);
  expect(two.result.byPlace.length).toBe(11);
  expect(Math.abs(two.result.bits - mean(two.losses.slice(-10)) / Math.LN2)).toBeLessThan(1);
});

test("a signal ends it after the step that is under way", async () => {
  const controller = new AbortController();
  let steps = 0;
  const sizes = { ...defaults, size: alphabet.size, width: 8, heads: 1, blocks: 1, hidden: 8 };
  const parameters = shared(Float32Array, countOf(plan(sizes)));
  const team = new Team(1, sizes, parameters);
  const options = { batch: 1, tokens: 16, minutes: 10, signal: controller.signal };
  const result = await train(team, parameters, stream, options, () => ++steps === 3 && controller.abort());
  await team.terminate();
  expect([result.steps, result.aborted, steps]).toEqual([3, true, 3]);
});

test("Kneser–Ney: the probabilities of what may follow sum to 1, and are those of a text counted by hand", () => {
  const size = 4;
  const stream = Uint8Array.of(0, 1, 2, 1, 3, 1, 2, 0, 2, 1, 1, 2);
  for (const order of [1, 2, 3, 6]) {
    const bits = kneserNey(stream, order, size);
    for (const before of [[], [1], [2, 1], [3, 3, 3], [1, 2, 1, 3]]) {
      // The bits of a text of n characters are those of its first n − 1 characters and those of the last.
      const all = (text) => (text.length === 0 ? 0 : text.length * bits(Uint8Array.of(0, ...text)));
      const sum = [1, 2, 3].reduce((total, next) => total + 2 ** (all(before) - all([...before, next])), 0);
      // Number 0 is never guessed; what uniform guessing would leave for it is all that is missing.
      expect(sum).toBeLessThan(1 + 1e-12);
      expect(sum).toBeGreaterThan(0.7);
    }
  }
  // By hand: of 10 characters 5 are 1, 4 are 2, one is 3. One count is 1, none is 2 or 3, one is 4: y = 1, D₁ = 1, D₃ = max(0, 3 − 4).
  const p = (5 + 1 / size) / 10;
  expect(kneserNey(stream, 1, size)(Uint8Array.of(0, 1))).toBeCloseTo(-Math.log2(p), 12);
  // A longer context knows more of a text that repeats.
  const text = alphabet.join(trained.slice(0, 20));
  const each = [2, 3, 4].map((order) =>
    kneserNey(text, order, alphabet.size)(alphabet.join(heldOut.slice(0, 3))),
  );
  expect(each.toSorted((a, b) => b - a)).toEqual(each);
});

const main = fileURLToPath(new URL("../main.mjs", import.meta.url));
const SMALL = [
  "--width",
  "16",
  "--heads",
  "2",
  "--blocks",
  "1",
  "--hidden",
  "16",
  "--tokens",
  "64",
  "--batch",
  "2",
];

test("the program trains, saves, judges and writes; another run writes on with what was saved", async () => {
  const path = join(folder, "small.safetensors");
  const quick = [...SMALL, "--judged", "2000", "--length", "500", "--grams", "3", "--generate", "30"];
  const first = await promisify(execFile)(process.execPath, [main, ...quick, "--steps", "5", "--save", path]);
  expect(first.stdout).toMatch(/done after 5 steps/);
  const second = await promisify(execFile)(process.execPath, [main, ...quick, "--load", path]);
  const told = (text) => text.slice(text.indexOf("held out: "));
  expect(told(second.stdout)).toBe(told(first.stdout));
  expect(told(first.stdout)).toMatch(
    /^held out: \d\.\d{3} bits a character\n {2}Kneser–Ney 3-gram: \d\.\d{3} \(−\d/,
  );
  expect(told(first.stdout)).toMatch(/ {4}0 to 64: \d\.\d{3}\n {5}64 to 128: /);
  const difference = Number(/differ by at most (\S+)/.exec(first.stdout)[1]);
  expect(difference).toBeLessThan(1e-4);
});

test("Ctrl-C saves", { skip: process.platform === "win32" }, async () => {
  const path = join(folder, "stopped.safetensors");
  const child = spawn(process.execPath, [main, ...SMALL, "--save", path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  let sent = false;
  child.stdout.on("data", (data) => {
    said += data;
    if (!sent && said.includes("step 1 ")) sent = child.kill("SIGINT");
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect([code, sent]).toEqual([0, true]);
  expect(said).toMatch(/stopped after \d+ steps.*saved as/);
  expect(existsSync(path)).toBe(true);
  expect(load(path).sizes.width).toBe(16);
});
