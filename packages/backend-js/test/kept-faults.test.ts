import { runLayers } from "@dlrt/conformance";
import type { Backend, HostTensor } from "@dlrt/core";
import type { DeltaRuleParams, Kernels } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { createJsBackend } from "../src/index.js";

/** Makes the right backend with some kernels changed, so that what one keeps of a forward call for its gradient is wrong. */
function faulty(change: (right: Kernels<HostTensor>) => Partial<Kernels<HostTensor>>): () => Backend {
  return () => {
    const backend = createJsBackend();
    Object.assign(backend, { kernels: { ...backend.kernels, ...change(backend.kernels) } });
    return backend as unknown as Backend;
  };
}

/** Makes a backend that runs `spoil` on what `deltaRule` has kept of a call. */
const spoilt = (spoil: (kept: HostTensor, params: DeltaRuleParams<HostTensor>) => void) =>
  faulty(({ deltaRule }) => ({
    deltaRule: (params) => {
      deltaRule!(params);
      if (params.kept) spoil(params.kept, params);
    },
  }));

const faults: readonly (readonly [string, () => Backend])[] = [
  ["nothing is written", spoilt(({ data }) => data.fill(NaN))],
  ["the last row is missing", spoilt(({ data }, { p }) => data.fill(0, data.length - p))],
  [
    "W is kept where its corrections belong",
    spoilt(({ data }, { value, erase, write, n, p }) => {
      if (write || value.shape[2] !== p) return;
      const [v, e] = [value.layout, erase.layout];
      for (let i = 0; i < n; i++)
        for (let j = 0; j < p; j++)
          data[i * p + j] = value.data[v.offset + i * v.row + j]! * erase.data[e.offset + i * e.row]!;
    }),
  ],
  [
    "heads are exchanged",
    spoilt(({ data }, { batch, n, p }) => {
      if (batch > 1) data.copyWithin(0, n * p, 2 * n * p);
    }),
  ],
  ["rows come one late", spoilt(({ data }, { p }) => data.copyWithin(p, 0))],
];

const only = ["layers: gradients › f32: deltaRule", "layers: gradients › f32: gatedDeltaRule"];
const small = { cases: 8, seed: 1, maxN: 300, maxWork: 2 ** 12, only };

test("what is right passes", async () => {
  const report = await runLayers(createJsBackend, small);
  expect(report.failures).toEqual([]);
  // There are three, though two were asked for: the name of `gatedDeltaRule2` begins with that of `gatedDeltaRule`.
  expect(report.passed).toBe(3);
});

test.each(faults)("caught: %s", async (_, create) => {
  const report = await runLayers(create, small);
  expect(report.failures.map(({ name }) => name)).toContain(only[0]);
  for (const { message } of report.failures) expect(message).toMatch(/, kept/);
});
