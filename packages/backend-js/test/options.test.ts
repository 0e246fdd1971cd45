import { ValueError } from "@dlrt/core";
import { expect, test } from "vitest";
import { createJsBackend } from "../src/index.js";

test("an unknown option, options that are none, and a name that is no string are refused", () => {
  const refuse = (options: unknown): unknown => {
    try {
      return createJsBackend(options as never);
    } catch (error) {
      expect(error).toBeInstanceOf(ValueError);
      return (error as Error).message;
    }
  };
  expect(refuse({ nam: "x" })).toBe('options: expected no option but name, got "nam" (did you mean name?)');
  expect(refuse({ threads: 2 })).toBe('options: expected no option but name, got "threads"');
  expect(refuse(null)).toBe("options: expected an object with options, got null");
  expect(refuse({ name: Object.create(null) })).toBe(
    "name: expected a string, not empty, got an object (Object)",
  );
  expect(createJsBackend({ name: undefined }).name).toBe("js");
});
