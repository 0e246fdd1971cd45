import { readFileSync } from "node:fs";
import { solve } from "@dlrt/core";
import { expect, test } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../../src/node.js";
import { problem, upload, worstOmega, type Uploaded } from "../support/problem.js";

const BATCH = 8;
const N = 4096;
const D = 64;
const ROUNDS = 3;

/**
 * Makes a call that solves row by row, by one of the shaders of ../support. It takes `tiles` workgroups for each batch entry, and `cols` is
 * the number of columns in the unit in which the shader counts them.
 */
function rowSequential(
  backend: WebGpuBackend,
  file: string,
  { op, b }: Uploaded,
  out: GpuTensor,
  tiles: number,
  cols: number,
): () => void {
  const { device } = backend;
  const code = readFileSync(new URL(`../support/${file}`, import.meta.url), "utf8");
  const compute = { module: device.createShaderModule({ code }) };
  const pipeline = device.createComputePipeline({ layout: "auto", compute });
  const params = device.createBuffer({ size: 16, usage: 0x48 });
  device.queue.writeBuffer(params, 0, Uint32Array.of(N, cols, 0, 0));
  const buffers = [params, op.diag.buffer, op.q.buffer, op.k.buffer, b.buffer, out.buffer];
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(tiles, BATCH);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
}

test("the chunked solve beside row-sequential ones, batch 8, n = 4096, d = 64", async () => {
  const backend = await createWebGpuBackend({ selfTest: false });
  const of = problem(BATCH, N, D, D);
  const on = upload(backend, of);
  const out = backend.empty([BATCH, N, D]);
  const ways = {
    chunked: () => solve(backend, on.op, on.b, { out }),
    "thread per state row": rowSequential(backend, "row-sequential.wgsl", on, out, D / 4, D / 4),
    "thread per column": rowSequential(backend, "row-sequential-columns.wgsl", on, out, D / 64, D),
  };
  const times: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(ways)) {
      const begin = performance.now();
      run();
      await backend.sync();
      if (round > 0) (times[name] ??= []).push(performance.now() - begin);
      else expect(worstOmega(of, await backend.read(out)), name).toBeLessThanOrEqual(16);
    }
  }
  const median = (name: string): number => [...times[name]!].sort((a, b) => a - b)[(ROUNDS - 1) / 2]!;
  for (const name of Object.keys(ways)) {
    const ratio = (median(name) / median("chunked")).toFixed(2);
    console.log(`${name}: ${median(name).toFixed(0)} ms, ${ratio} × chunked (${backend.supports.build})`);
  }
  expect(median("thread per state row") / median("chunked")).toBeGreaterThan(5);
  await backend.dispose();
});
