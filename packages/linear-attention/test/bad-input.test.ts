import { createJsBackend } from "@dlrt/backend-js";
import { expect, test } from "vitest";
import { gatedDeltaProduct, gatedDeltaRule, gatedDeltaRuleVjp, kimiDeltaAttention } from "../src/index.js";

const backend = createJsBackend();
const f32 = (...shape: [number, number, number]) => backend.empty(shape);
const inputs = {
  query: f32(1, 6, 2 * 4),
  key: f32(1, 6, 2 * 4),
  value: f32(1, 6, 4 * 3),
  beta: f32(1, 6, 4),
  decay: f32(1, 6, 4),
};
const heads = { query: 2, key: 2, value: 4 };
const other = createJsBackend();
const gone = f32(1, 6, 8);
gone.dispose();
const cases: readonly (readonly [object, object, RegExp])[] = [
  [{ beta: undefined }, {}, /^beta: expected a tensor, got undefined/],
  [{ betas: inputs.beta }, {}, /^inputs: .*did you mean beta/],
  [{}, { normaliseKeys: true }, /^options: .*did you mean normalizeKeys/],
  [{}, { heads: undefined }, /^heads: expected \{ query, key, value \}/],
  [{}, { heads: { query: 0 } }, /^heads.query: expected an integer ≥ 1, got 0/],
  [
    {},
    { heads: { query: 2, key: 2, value: 3 } },
    /^heads.value: expected a multiple or a divisor of 2 heads, got 3/,
  ],
  [{}, { heads: { query: 3, key: 2, value: 2 } }, /^heads.query: expected a multiple or a divisor of 2/],
  [{ value: f32(1, 6, 10) }, {}, /^value: expected columns in a multiple of 4 heads, got 10/],
  [{ query: f32(1, 6, 6) }, {}, /^query: expected 1 × 6 × 8, got 1 × 6 × 6/],
  [{ key: f32(1, 12, 8) }, {}, /^key: expected 6 rows, got 12/],
  [{ beta: f32(1, 6, 3) }, {}, /^beta: expected 1 × 6 × 4 \(or, for fewer heads/],
  [{ decay: f32(1, 5, 4) }, {}, /^decay: expected 1 × 6 × 4 .*got 1 × 5 × 4/],
  [{ decay: f32(1, 6, 16) }, {}, /^decay: expected 1 × 6 × 4/],
  [{ value: backend.empty([1, 6, 12], "f64") }, {}, /^value: expected f32, got f64/],
  [{ query: other.empty([1, 6, 8]) }, {}, /^query: expected a tensor of this backend/],
  [{ query: gone }, {}, /^query: expected a live object/],
  [
    {
      query: backend.view(inputs.query, [2, 6, 4], {
        offset: 0,
        heads: 2,
        shared: 1,
        batch: 48,
        head: 4,
        row: 8,
      }),
    },
    {},
    /^query|^key/,
  ],
  [{}, { scale: Infinity }, /^scale: expected a finite number/],
  [{}, { normalizeKeys: { eps: -1 } }, /^normalizeKeys.eps: expected a number > 0/],
  [{}, { normalizeKeys: { eps: 1e-40 } }, /^normalizeKeys.eps: expected a number > 0, of at least .* in f32/],
  [{}, { stateLayout: "kk" }, /^stateLayout: expected "kv" or "vk"/],
  [{}, { initialState: f32(4, 3, 4) }, /^initialState: expected 4 × 4 × 3, got 4 × 3 × 4/],
  [{}, { finalState: f32(2, 4, 3) }, /^finalState: expected 4 × 4 × 3/],
  [{}, { sequences: [0, 6] }, /^sequences: expected an Int32Array/],
  [
    {},
    { sequences: Int32Array.of(0, 5) },
    /^sequences: expected bounds from 0 to 6 that never fall, got \[0, 5\]/,
  ],
  [{}, { sequences: Int32Array.of(0, 4, 3, 6) }, /^sequences: expected bounds/],
  [{}, { heads: { ...heads, order: "mod" } }, /^heads.order: expected "neighbours" or "modulo", got "mod"/],
  [{}, { padding: { side: "both", lengths: Int32Array.of(6) } }, /^padding.side: expected "left" or "right"/],
  [
    {},
    { padding: { lengths: Int32Array.of(6) } },
    /^padding.side: expected "left" or "right", got undefined/,
  ],
  [{}, { padding: { side: "left", lengths: [6] } }, /^padding.lengths: expected an Int32Array of 1/],
  [{}, { padding: { side: "left", lengths: Int32Array.of(6, 6) } }, /^padding.lengths: expected 1 lengths/],
  [
    {},
    { padding: { side: "left", lengths: Int32Array.of(7) } },
    /^padding.lengths: expected lengths from 0 to 6, got 7/,
  ],
  [{}, { padding: { side: "left", lengths: Int32Array.of(-1) } }, /^padding.lengths: .*got -1/],
  [
    {},
    { padding: { side: "left", lengths: Int32Array.of(6) }, sequences: Int32Array.of(0, 6) },
    /^padding: expected none beside sequences/,
  ],
  [
    {},
    { sequences: Int32Array.of(0, 3, 6), initialState: f32(4, 4, 3) },
    /^initialState: expected 8 × 4 × 3/,
  ],
];

test.each(cases)("%o %o", (changed, options, pattern) => {
  const memory = backend.memory();
  const call = () =>
    gatedDeltaRule(backend, { ...inputs, ...changed } as never, { heads, ...options } as never);
  expect(call).toThrow(pattern);
  expect(backend.memory()).toEqual(memory);
});

test("other layers and gradients", () => {
  const six = f32(1, 6, 6);
  const memory = backend.memory();
  expect(() => gatedDeltaRule(backend, undefined as never, { heads })).toThrow(
    /^inputs: expected query, key/,
  );
  expect(() => gatedDeltaRule(backend, inputs, undefined as never)).toThrow(/^options: expected at least/);
  expect(() => kimiDeltaAttention(backend, { ...inputs, decay: six }, { heads })).toThrow(
    /^decay: expected 1 × 6 × 16/,
  );
  expect(() => gatedDeltaRuleVjp(backend, inputs, { output: inputs.query }, { heads })).toThrow(
    /^cotangents.output: expected 1 × 6 × 12/,
  );
  expect(() => gatedDeltaRuleVjp(backend, inputs, { state: inputs.query } as never, { heads })).toThrow(
    /^cotangents:/,
  );
  expect(backend.memory()).toEqual(memory);
  const odd = { ...inputs, key: f32(1, 9, 8) };
  expect(() => gatedDeltaProduct(backend, odd, { heads })).toThrow(
    /^key: expected a multiple of the 6 rows of query/,
  );
});

test("an undisposed backend alone is called", async () => {
  const closed = createJsBackend();
  const one = closed.empty([1, 1, 1]);
  await closed.dispose();
  const call = () =>
    gatedDeltaRule(
      closed,
      { query: one, key: one, value: one, beta: one, decay: one },
      { heads: { query: 1 } },
    );
  expect(call).toThrow(/expected a live object/);
});

test("the final state is not written over what is read", () => {
  const memory = new Float32Array(64);
  const query = backend.wrap(memory, [1, 6, 8]);
  const finalState = backend.wrap(memory.subarray(8), [4, 4, 3]);
  const call = () => gatedDeltaRule(backend, { ...inputs, query }, { heads, finalState });
  expect(call).toThrow(/^finalState: expected a tensor that does not overlap q/);
  query.dispose();
  finalState.dispose();
});
