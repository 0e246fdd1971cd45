import { contiguousLayout } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { Contents } from "../src/contents.js";
import { Failed, Joint, Pending, Submission } from "../src/fates.js";
import type { Placed } from "../src/kernels/placed.js";
import { Untold } from "../src/untold.js";

const place = (buffer: GPUBuffer, offset: number, count: number): Placed => ({
  buffer,
  offset,
  shape: [1, count, 1],
  layout: contiguousLayout([1, count, 1]),
});

test("a write replaces what it covers, wholly or in part, and nothing is kept of what went well", async () => {
  const buffer = {} as GPUBuffer;
  const contents = new Contents();
  const [bad, worse] = [new Failed("bad"), new Failed("worse")];
  contents.written(place(buffer, 0, 10), bad);
  contents.written(place(buffer, 8, 2), worse); // elements 2 and 3
  expect(contents.of(place(buffer, 0, 2))).toEqual([bad]);
  expect(contents.of(place(buffer, 8, 2))).toEqual([worse]);
  expect(contents.of(place(buffer, 16, 6))).toEqual([bad]);
  expect(contents.of(place(buffer, 40, 1))).toEqual([]);
  expect(contents.of(place({} as GPUBuffer, 0, 10))).toEqual([]);
  const pending = new Pending(Promise.resolve(undefined));
  contents.written(place(buffer, 0, 10), pending);
  expect(contents.of(place(buffer, 36, 1))).toEqual([pending]);
  await pending.verdict();
  expect(contents.of(place(buffer, 0, 10))).toEqual([]);
  contents.add(place(buffer, 4, 1), bad);
  contents.add(place(buffer, 4, 1), worse);
  expect(contents.of(place(buffer, 0, 2))).toEqual([bad, worse]);
  expect(contents.of(place(buffer, 0, 1))).toEqual([]);
});

test("the first fault added to a submission is its cause; one without faults is good", async () => {
  const [bad, good] = [new Submission(), new Submission()];
  const [first, second] = [new Error("first"), new Error("second")];
  bad.add(new Promise((resolve) => setTimeout(resolve, 5, first)));
  bad.add(Promise.resolve(second));
  good.add(Promise.resolve(undefined));
  bad.submitted();
  good.submitted();
  expect(await bad.fate.verdict()).toBe(first);
  expect(bad.fate.cause).toBe(first);
  expect(await good.fate.verdict()).toBe(undefined);
  expect(good.fate.good).toBe(true);
  expect(await new Joint([good.fate, bad.fate]).verdict()).toBe(first);
  expect(new Joint([good.fate, good.fate]).good).toBe(true);
  expect(new Joint([good.fate, bad.fate]).cause).toBe(first);
});

test("sync: those who ask before a fault is told are told it; a later fault is not lost with an earlier one", async () => {
  const untold = new Untold();
  const error = (name: string): Failed => new Failed(new Error(name));
  const told = (): Promise<string> =>
    untold.tell().then(
      () => "nothing",
      (cause: Error) => cause.message,
    );
  untold.add(error("one"));
  const [first, again] = [told(), told()];
  untold.add(error("two"));
  expect(await first).toBe("one");
  expect(await again).toBe("one");
  expect(await told()).toBe("two");
  expect(await told()).toBe("nothing");
  for (const name of ["three", "four", "five"]) untold.add(error(name));
  await Promise.resolve();
  expect(await told()).toBe("three");
  expect(await told()).toBe("nothing");
});
