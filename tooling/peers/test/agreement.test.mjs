// Compares the layers with onnxruntime, where `pnpm bench peers` has fetched it. Nothing is fetched here.
import { readFileSync } from "node:fs";
import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetchedVersion, openRuntime, PEERS } from "../index.js";
import { kin } from "../agreement/kin.js";
import { distance, measureKin, measureOperator } from "../agreement/measure.js";
import { groupsFor, rowTitles } from "../agreement/table.js";
import { textBetween } from "../../markers.mjs";

const LIMIT = 1e-6;
const readme = readFileSync(new URL("../../../packages/linear-attention/README.md", import.meta.url), "utf8");

test("the README's table has a row for each of these groups, and names the versions", () => {
  const table = textBetween(readme, "agreement");
  const titles = [...table.matchAll(/^\| (.*?) \| \d+ \|/gm)].map(([, title]) => title);
  expect(titles).toEqual(rowTitles);
  for (const [name, version] of Object.entries(PEERS)) expect(table).toContain(`${name} ${version}`);
  const figures = [...table.matchAll(/ (\d\.\de-\d+) \|/g)].map(([, figure]) => Number(figure));
  expect(figures.length).toBeGreaterThan(60);
  expect(Math.max(...figures)).toBeLessThan(1.5 * LIMIT);
});

test("a distance is seen, a NaN and a missing element too", () => {
  expect(distance([1, -4], [1, -4])).toBe(0);
  expect(distance([1, -4.5], [1, -4])).toBe(0.125);
  expect(distance([1, Number.NaN], [1, -4])).toBe(Infinity);
  expect(distance([1], [1, -4])).toBe(Infinity);
});

describe.each(Object.keys(PEERS))("%s", (name) => {
  const there = fetchedVersion(name) !== undefined;
  // oxlint-disable-next-line vitest/expect-expect -- it stands in the report for what was not compared
  test.runIf(!there)("nothing is compared", ({ skip }) =>
    skip(`${name} ${PEERS[name]} is not here: pnpm bench peers fetches it`),
  );

  describe.runIf(there)("fetched", () => {
    const backends = {};
    let runtime;
    beforeAll(async () => {
      Object.assign(backends, { js: createJsBackend(), wasm: await createWasmBackend() });
      runtime = await openRuntime(name);
    });
    afterAll(async () => {
      runtime.close();
      for (const backend of Object.values(backends)) await backend.dispose();
    });

    test.each(groupsFor(name).map((group) => [group.name, group]))("%s", async (_, { domain, cases }) => {
      for (const one of cases()) {
        const { apart, error, theirError } = await measureOperator(runtime, backends, one, domain);
        for (const backend of Object.keys(backends)) {
          expect(error[backend], `${backend} from float64, ${one.name}`).toBeLessThanOrEqual(LIMIT);
          // The runtime sums in one chain of float32 additions, and may itself be further from float64 than the limit.
          const limit = theirError <= LIMIT ? LIMIT : LIMIT + theirError;
          expect(apart[backend], `${backend} from ${name}, ${one.name}`).toBeLessThanOrEqual(limit);
        }
      }
    });

    test.each(kin.map((one) => [one.name, one]))("%s", async (_, one) => {
      const { apart } = await measureKin(runtime, backends, one);
      for (const [backend, far] of Object.entries(apart)) expect(far, backend).toBeLessThanOrEqual(LIMIT);
    });

    test("a wrong answer of the runtime's is seen: a decay of 0.1 % less", async () => {
      const [{ cases, domain }] = groupsFor(name).filter((group) => group.name === "`gated_delta`");
      const one = cases().find(({ name }) => name.startsWith("gated_delta, T = 65"));
      const planted = {
        load: (model, feeds) =>
          runtime.load(model, {
            ...feeds,
            decay: { ...feeds.decay, data: feeds.decay.data.map((g) => 0.999 * g) },
          }),
        call: () => runtime.call(),
        outputs: () => runtime.outputs(),
      };
      const { apart } = await measureOperator(planted, backends, one, domain);
      for (const far of Object.values(apart)) expect(far).toBeGreaterThan(10 * LIMIT);
    });

    test("every tensor was given back", () => {
      for (const backend of Object.values(backends))
        expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    });
  });
});
