/** What tests of wrong calls share: tensors that are counted, and the check that a refused call leaves nothing behind. */
import { expect } from "vitest";
import type { DlrtError, Dtype, HostTensor, Shape } from "../src/index.js";
import { SpyBackend } from "./spy-backend.js";

export type ErrorClass = abstract new (...a: never[]) => DlrtError;

/** Passes a value where the types allow none like it, as a caller in JavaScript may. */
export const any = (value: unknown): never => value as never;

/** A backend that counts the tensors which a test makes itself. */
export class Refusals {
  readonly backend = new SpyBackend();
  #made = 0;

  make(shape: Shape, dtype: Dtype = "f32"): HostTensor {
    this.#made++;
    return this.backend.empty(shape, dtype);
  }

  dispose(t: HostTensor): void {
    t.dispose();
    this.#made--;
  }

  /** Returns how many tensors live that the test itself has not made. */
  strays(): number {
    return this.backend.disposed ? 0 : this.backend.memory().tensors - this.#made;
  }
}

/** Expects that the call throws this error, which names the argument, and that it neither ran a kernel nor left a tensor. */
export function expectRefused(
  refusals: Refusals,
  call: () => unknown,
  error: ErrorClass,
  argument: string,
): void {
  const before = refusals.strays();
  let thrown: unknown;
  try {
    call();
  } catch (e) {
    thrown = e;
  }
  expect(thrown).toBeInstanceOf(error);
  expect((thrown as Error).message).toMatch(new RegExp(`^${argument}\\b.*: expected .*, got `));
  expect(refusals.backend.calls).toEqual([]);
  expect(refusals.strays()).toBe(before);
}
