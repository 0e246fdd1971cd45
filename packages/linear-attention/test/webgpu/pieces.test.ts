import { createJsBackend } from "@dlrt/backend-js";
import { createWebGpuBackend, type WebGpuBackend } from "@dlrt/backend-webgpu/node";
import type { Backend } from "@dlrt/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { take } from "../backends.js";
import { arraysOf, cases } from "../pieces.js";
import { cotangentsOf, gradientsOf, stepsOff, upload } from "../pieces-run.js";

/** How many ε, times the condition of an element, the device may be off: what its few roundings in f32 come to. */
const LIMIT = 8;
/** The least normal number. Smaller ones may count as 0 on a device. */
const LEAST = 2 ** -126;

const js = createJsBackend() as unknown as Backend;
let gpu: WebGpuBackend;
let backend: Backend;
beforeAll(async () => {
  gpu = await createWebGpuBackend({ selfTest: false });
  backend = gpu as unknown as Backend;
});
afterAll(() => gpu.dispose());

describe.each(cases)("$name", (piece) => {
  test("against its definition in float64", async () => {
    const arrays = arraysOf(piece, 1);
    const expected = piece.reference(arrays);
    const inputs = upload(backend, piece, arrays, "f32");
    const { output, finalState } = await take(backend, { ...piece.forward(backend, inputs) });
    for (const t of Object.values(inputs)) t.dispose();
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    const off = stepsOff(output!, expected.output, piece.condition(arrays), "f32", LEAST);
    expect(off).toBeLessThanOrEqual(LIMIT);
    if (expected.finalState) expect(Float64Array.from(finalState!)).toEqual(expected.finalState);
  });

  test("gradients of every input", async () => {
    const arrays = arraysOf(piece, 4);
    const cotangents = cotangentsOf(piece, arrays);
    const exact = await gradientsOf(js, piece, arrays, cotangents, "f64");
    const got = await gradientsOf(backend, piece, arrays, cotangents, "f32");
    const terms = piece.gradientTerms(arrays, cotangents);
    for (const [name, gradient] of Object.entries(exact)) {
      const off = stepsOff(got[name]!, Float64Array.from(gradient), terms[name]!, "f32", LEAST);
      expect(off, name).toBeLessThanOrEqual(LIMIT);
    }
  });
});
