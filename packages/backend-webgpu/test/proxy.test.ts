import { ValueError } from "@dlrt/core";
import { expect, test } from "vitest";
import { onSharedDevice } from "./support/shared-device.js";

test("a proxy of a backend, as Vue's reactive makes, is refused by name by every method", async () => {
  const backend = await onSharedDevice();
  const t = backend.empty([1, 1, 1]);
  const proxy = new Proxy(backend, {});
  const message = /^backend: expected a Backend itself, got a proxy of it/;
  const layout = { offset: 0, heads: 1, shared: 1, batch: 1, head: 0, row: 1 };
  for (const call of [
    () => proxy.empty([1, 1, 1]),
    () => proxy.upload({ data: Float32Array.of(1), shape: [1, 1, 1] }),
    () => proxy.view(t, [1, 1, 1], layout),
    () => proxy.memory(),
  ]) {
    expect(call).toThrow(ValueError);
    expect(call).toThrow(message);
  }
  for (const call of [() => proxy.read(t), () => proxy.sync(), () => proxy.dispose()]) {
    await expect(call()).rejects.toThrow(message);
  }
  expect(backend.memory()).toEqual({ tensors: 1, bytes: 4 });
  await backend.dispose();
});
