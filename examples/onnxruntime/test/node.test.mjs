// Runs the example in Node, where `pnpm bench peers` has fetched onnxruntime. Nothing is fetched here.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fetchedVersion, PEERS } from "@dlrt/peers";
import { describe, expect, test } from "vitest";
import { compareIn } from "../main.mjs";
import { distance } from "../measure.mjs";

const sizes = { tokens: 67, heads: 2, width: 32, repetitions: 1 };

test("a distance is seen, of a NaN and of a missing element too", () => {
  expect(distance([1, -4], [1, -4])).toBe(0);
  expect(distance([1, -4.5], [1, -4])).toBe(0.125);
  expect(distance([1, Number.NaN], [1, -4])).toBeNaN();
  expect(distance([1], [1, -4])).toBe(Infinity);
});

describe.each(Object.keys(PEERS))("%s", (name) => {
  const there = fetchedVersion(name) !== undefined;
  // oxlint-disable-next-line vitest/expect-expect -- it stands in the report for what was not compared
  test.runIf(!there)("nothing is compared", ({ skip }) =>
    skip(`${name} ${PEERS[name]} is not here: pnpm bench peers fetches it`),
  );

  test.runIf(there)("the layer with our token mixer gives what it gives with onnxruntime's", async () => {
    const { differences, left, times } = await compareIn({ name, ...sizes });
    expect(Object.keys(differences)).toEqual(["mixed", "output", "state"]);
    for (const [what, x] of Object.entries(differences)) expect(x, what).toBeLessThan(1e-6);
    expect(left).toEqual({ tensors: 0, bytes: 0 });
    expect(Object.keys(times)).toEqual(["theirs", "ours", "theirMixer", "ourMixer"]);
  });

  test.runIf(there)("what the runtime refuses is told by its name", async () => {
    const odd = { ...sizes, heads: 3 }; // which do not divide the width
    await expect(compareIn({ name, ...odd })).rejects.toThrow(name);
  });
});

test("the program runs, and says what is not there", () => {
  const main = fileURLToPath(new URL("../main.mjs", import.meta.url));
  const printed = execFileSync(process.execPath, [main, "32", "2", "16"], { encoding: "utf8" });
  const lines = printed.split("\n");
  expect(lines[0]).toBe("32 tokens of width 16, 2 heads of 8");
  for (const [name, version] of Object.entries(PEERS)) {
    const about = lines.find((line) => line.startsWith(`${name} ${version}`));
    expect(about).toMatch(fetchedVersion(name) === undefined ? /bench peers fetches it$/ : /1 thread each$/);
  }
});
