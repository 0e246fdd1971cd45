import { expect, test } from "vitest";
import { createWasmBackend } from "../src/index.js";

test("an unknown option, options that are none, and values of the wrong type are refused", async () => {
  const cases: [options: unknown, message: RegExp][] = [
    [{ treads: 2 }, /^options: .*got "treads" \(did you mean threads\?\)$/],
    [{ url: "x" }, /^options: .*got "url"/],
    [null, /^options: expected an object with options, got null$/],
    [{ name: Object.create(null) }, /^name: expected a string, not empty, got an object/],
    [{ relaxed: "yes" }, /^relaxed: expected a boolean, got "yes"$/],
    [{ build: Object.create(null) }, /^build: expected "simd" or "simd\+threads", got an object/],
    [{ threads: Object.create(null) }, /^threads: expected "auto" or .*, got an object/],
  ];
  for (const [options, message] of cases) {
    await expect(createWasmBackend(options as never)).rejects.toThrow(message);
  }
});
