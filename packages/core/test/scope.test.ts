import { expect, test } from "vitest";
import { Scope } from "../src/contract/scope.js";
import { SpyBackend } from "./spy-backend.js";

test("a scope disposes what it owns, once, and not what it handed over", () => {
  const backend = new SpyBackend();
  const scope = new Scope(backend);
  const owned = scope.own(backend.empty([1, 2, 3]));
  expect(scope.own(owned)).toBe(owned);
  const released = scope.own(backend.empty([1, 1, 1]));
  expect(scope.release(released)).toBe(released);
  expect(backend.memory().tensors).toBe(2);
  scope.dispose();
  expect(backend.memory().tensors).toBe(1);
  const later = scope.own(backend.empty([1, 1, 2]));
  scope.dispose();
  expect(backend.memory().tensors).toBe(1);
  expect(() => later.dispose()).not.toThrow();
  released.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});
