// Bad input is refused before anything is allocated, by the name of the argument.
import { createJsBackend } from "@dlrt/backend-js";
import { DtypeError, ShapeError, ValueError } from "@dlrt/core";
import { expect, test } from "vitest";
import * as host from "../src/host.js";

const backend = createJsBackend();
const f32 = (length: number) => new Float32Array(length);
const inputs = { query: f32(48), key: f32(48), value: f32(36), beta: f32(12), decay: f32(12) };
const options = { heads: { query: 2 }, shape: [1, 6] };
const cases: readonly (readonly [object, object, new (...of: never) => Error, RegExp])[] = [
  [
    {},
    { shape: undefined },
    ShapeError,
    /^shape: expected \[B, T\] for query, which has no shape, got undefined/,
  ],
  [{}, { shape: [1, 6, 8] }, ShapeError, /^shape: /],
  [{}, { shape: [1, -6] }, ShapeError, /^shape: /],
  [{}, { heads: undefined }, ValueError, /^heads: /],
  [{}, { head: 2 }, ValueError, /^options: .*did you mean heads/],
  [{ betas: f32(12) }, {}, ValueError, /^inputs: .*did you mean beta/],
  [{ beta: undefined }, {}, ValueError, /^beta: expected a tensor/],
  [{ query: [1, 2] }, {}, DtypeError, /^query: expected a Float32Array or Float64Array/],
  [{ query: f32(47) }, {}, ShapeError, /^query: expected a multiple of 6 rows, \[1, 6\], got 47 elements/],
  [{ value: new Float64Array(36) }, {}, DtypeError, /^value: expected f32, got f64/],
  [{ key: f32(36) }, {}, ShapeError, /^query|^key/],
  [
    {},
    { initialState: f32(23) },
    ShapeError,
    /^initialState: expected 24 elements, \[2, 4, 3\], got 23 elements/,
  ],
  [{}, { finalState: f32(25) }, ShapeError, /^finalState: expected 24 elements/],
  [{}, { sequences: 5 }, ValueError, /^sequences: /],
];
test.each(cases)("%o %o", async (changed, given, type, pattern) => {
  const call = () =>
    host.gatedDeltaRule(backend, { ...inputs, ...changed } as never, { ...options, ...given } as never);
  await expect(call()).rejects.toThrow(pattern);
  await expect(call()).rejects.toThrow(type);
  expect(backend.memory().tensors).toBe(0);
});

test("no inputs, no options, no backend, no cotangents", async () => {
  const { gatedDeltaRule, gatedDeltaRuleVjp, deltaFormerVjp, pathLogitsVjp } = host;
  const given = options as never;
  await expect(gatedDeltaRule(backend, undefined as never, given)).rejects.toThrow(/^inputs: expected query/);
  await expect(gatedDeltaRule(backend, {} as never, given)).rejects.toThrow(/^query: expected a tensor/);
  await expect(gatedDeltaRule(backend, inputs, undefined as never)).rejects.toThrow(
    /^options: expected at least/,
  );
  await expect(gatedDeltaRule({} as never, inputs, given)).rejects.toThrow(/^backend: expected a Backend/);
  await expect(gatedDeltaRuleVjp(backend, inputs, undefined as never, given)).rejects.toThrow(
    /^cotangents: /,
  );
  await expect(gatedDeltaRuleVjp(backend, inputs, { output: f32(35) }, given)).rejects.toThrow(
    /^cotangents.output: expected 36 elements/,
  );
  const { decay: _, beta: __, ...three } = inputs;
  await expect(deltaFormerVjp(backend, three, undefined as never, given)).rejects.toThrow(/^cotangents: /);
  const path = { query: inputs.query, key: inputs.key, erase: inputs.key, beta: inputs.beta };
  await expect(pathLogitsVjp(backend, path, f32(71), given)).rejects.toThrow(
    /^cotangent: expected 72 elements/,
  );
  expect(backend.memory().tensors).toBe(0);
});
