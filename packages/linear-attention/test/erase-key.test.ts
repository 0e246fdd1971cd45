// Comba has an erase key of its own. Its results are the same by the backend's kernels, where those take such a key, and composed of
// operations of core, where they do not.
import type { Backend, FloatArray, HostTensor, KernelName } from "@dlrt/core";
import { expect, test } from "vitest";
import { createDeviceBackend } from "./device-backend.js";
import { errorOf, inputsOf, named, stateShape, typed, upload } from "./layers.js";

const comba = named("comba");
const problem = { batch: 2, tokens: 37, keyWidth: 5, valueWidth: 3, normalizeKeys: { eps: 1e-6 } } as const;

type Supported = NonNullable<Backend["supports"]["eraseKey"]>;

/** Returns results and gradients on a backend of which `eraseKey` says which kernels take such a key, and the kernels that were called. */
async function everything(
  eraseKey: Supported | undefined,
  heads: { query: number; key: number; value: number },
) {
  const called = new Set<KernelName>();
  const device = createDeviceBackend(undefined, [], (name) => called.add(name));
  Object.assign(device, { supports: { ...device.supports, eraseKey } });
  const backend = device as unknown as Backend<HostTensor>;
  const of = { ...problem, heads };
  const arrays = inputsOf(comba, of, "mixed", 5);
  const tensors = upload(backend, comba, of, arrays, "f64");
  const shape = stateShape(of);
  const initial = Float64Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, at) => Math.sin(at));
  const initialState = backend.upload({ data: typed(initial, "f64"), shape });
  const before = backend.memory();
  const options = { heads, initialState, normalizeKeys: true };
  const { output, finalState } = comba.forward(backend, tensors, { ...options, finalState: true });
  const gradients = comba.backward(backend, tensors, { output, finalState: finalState! }, options);
  const results: Record<string, FloatArray> = {};
  for (const [name, t] of Object.entries({ output, finalState: finalState!, ...gradients })) {
    results[name] = await backend.read(t);
    t.dispose();
  }
  expect(backend.memory()).toEqual(before);
  const expected = comba.reference({ ...of, initialState: initial }, arrays);
  expect(errorOf(results["output"]!, expected.output)).toBeLessThan(1e-13);
  expect(errorOf(results["finalState"]!, expected.finalState)).toBeLessThan(1e-13);
  return { results, called };
}

test("the kernels are called as far as the backend says that they take an erase key", async () => {
  const heads = { query: 4, key: 2, value: 4 };
  const whole = await everything(["deltaRule", "deltaRuleVjp"], heads);
  expect(whole.called).toContain("deltaRule");
  expect(whole.called).toContain("deltaRuleVjp");
  expect(whole.called).not.toContain("solve");
  const partly = [undefined, [], ["deltaRule"], ["deltaRuleVjp"]] as const;
  for (const eraseKey of partly) {
    const { results, called } = await everything(eraseKey, heads);
    expect(called.has("deltaRule")).toBe(eraseKey?.[0] === "deltaRule");
    expect(called).not.toContain("deltaRuleVjp");
    expect(called).toContain("solve");
    for (const [name, data] of Object.entries(results))
      expect(errorOf(data, Float64Array.from(whole.results[name]!)), name).toBeLessThan(1e-12);
  }
});

test("where many heads read one state, which the kernel would compute again for each of them, it is not called", async () => {
  const { called } = await everything(["deltaRule", "deltaRuleVjp"], { query: 6, key: 2, value: 1 });
  expect(called).not.toContain("deltaRule");
});
