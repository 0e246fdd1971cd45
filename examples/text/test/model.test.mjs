import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSafetensors } from "@dlrt/arrays";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { Alphabet } from "../corpus.mjs";
import { differenceFromOnePass, generate } from "../generate.mjs";
import { Model } from "../model.mjs";
import { countOf, defaults, initialize, places, plan } from "../parameters.mjs";
import { randomFrom } from "../random.mjs";
import { load, save } from "../weights.mjs";

const folder = mkdtempSync(join(tmpdir(), "dlrt-text-"));
let backend;
beforeAll(async () => {
  backend = await createWasmBackend({ threads: 1 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const [B, T] = [2, 37];
const sizesOf = (gate) => ({ ...defaults, size: 11, width: 8, heads: 2, blocks: 2, hidden: 12, gate });

/** Returns parameters away from where training begins, because the weights of the norms are all 1 there. */
function parametersOf(sizes, type) {
  const parameters = new type(countOf(plan(sizes)));
  initialize(parameters, plan(sizes), sizes, 3);
  const random = randomFrom(4);
  return parameters.map((x) => x + 0.2 * (random() - 0.5));
}

function textOf(sizes) {
  const random = randomFrom(5);
  const draw = () => Uint8Array.from({ length: B * T }, () => Math.floor(random() * sizes.size));
  return { numbers: draw(), targets: draw() };
}

const mean = (nats) => nats.reduce((sum, x) => sum + x, 0) / nats.length;

describe.each([true, false])("gate: %s", (gate) => {
  const sizes = sizesOf(gate);
  const { numbers, targets } = textOf(sizes);

  test("the gradient of the whole model is that of central differences, in every parameter and in all together", () => {
    const parameters = parametersOf(sizes, Float64Array);
    const model = new Model(backend, sizes, { dtype: "f64" });
    const gradients = new Float64Array(parameters.length);
    model.load(parameters);
    const loss = model.lossAndGradients(numbers, targets, [B, T], gradients);
    expect(loss).toBeCloseTo(mean(model.loss(numbers, targets, [B, T])), 12);
    const random = randomFrom(6);
    const direction = parameters.map(() => random() - 0.5);
    const lossAt = (step, from, to) => {
      model.load(parameters.map((x, i) => (i >= from && i < to ? x + step * direction[i] : x)));
      return mean(model.loss(numbers, targets, [B, T]));
    };
    const all = { name: "all", from: 0, to: parameters.length };
    for (const { name, from, to } of [...places(plan(sizes)), all]) {
      const h = 1e-4;
      const difference = (lossAt(h, from, to) - lossAt(-h, from, to)) / (2 * h);
      const slope = gradients.reduce((sum, g, i) => (i >= from && i < to ? sum + g * direction[i] : sum), 0);
      expect(Math.abs(slope), name).toBeGreaterThan(1e-6);
      expect(Math.abs(difference - slope) / Math.abs(slope), name).toBeLessThan(1e-4);
    }
    model.dispose();
  });

  test("float32 has float64's gradient but for its rounding", () => {
    const [single, double] = [Float32Array, Float64Array].map((type) => {
      const model = new Model(backend, sizes, { dtype: type === Float32Array ? "f32" : "f64" });
      const gradients = new type(countOf(plan(sizes)));
      model.load(new type(parametersOf(sizes, Float32Array)));
      model.lossAndGradients(numbers, targets, [B, T], gradients);
      model.dispose();
      return gradients;
    });
    const length = Math.hypot(...double);
    expect(Math.hypot(...double.map((x, i) => x - single[i])) / length).toBeLessThan(1e-5);
  });

  test("token by token through State the logits are those of one pass, and states go on from batch to batch", () => {
    const model = new Model(backend, sizes);
    model.load(parametersOf(sizes, Float32Array));
    const uniform = randomFrom(7);
    const random = () => 0.5 + 0.5 * uniform(); // beyond number 0, which would end the text
    const text = generate(model, numbers.subarray(0, 5), { count: 60, temperature: 10, random });
    expect(text.numbers.length).toBe(65);
    expect(text.logits.length).toBe(text.numbers.length - 1);
    expect(differenceFromOnePass(model, text)).toBeLessThan(1e-5);
    text.logits.at(-1)[0] += 1;
    expect(differenceFromOnePass(model, text)).toBeGreaterThan(0.9); // the comparison can fail

    const whole = model.loss(numbers, targets, [B, T]);
    const memory = model.remember(B);
    for (const [from, to] of [
      [0, 10],
      [10, 11],
      [11, T],
    ]) {
      const cut = (array) =>
        Uint8Array.from([0, 1].flatMap((b) => [...array.subarray(b * T + from, b * T + to)]));
      const piece = model.loss(cut(numbers), cut(targets), [B, to - from], memory);
      piece.forEach((nats, i) => {
        const [b, t] = [Math.floor(i / (to - from)), from + (i % (to - from))];
        expect(Math.abs(nats - whole[b * T + t])).toBeLessThan(1e-5);
      });
    }
    memory.dispose();
    model.dispose();
  });
});

describe("files", () => {
  const sizes = sizesOf(true);
  const alphabet = new Alphabet("{}:;abcdef");
  const parameters = parametersOf(sizes, Float32Array);
  const path = join(folder, "model.safetensors");

  test("come back as they were, and have the names and shapes of flash-linear-attention", () => {
    save(path, parameters, sizes, alphabet);
    const back = load(path);
    expect(back.parameters).toEqual(parameters);
    expect([back.sizes, back.alphabet.characters]).toEqual([sizes, alphabet.characters]);
    const { tensors, metadata } = openSafetensors(readFileSync(path));
    expect(metadata.format).toBe("pt");
    const block = Object.entries({
      "attn_norm.weight": [8],
      "attn.q_proj.weight": [8, 8],
      "attn.k_proj.weight": [8, 8],
      "attn.v_proj.weight": [8, 8],
      "attn.a_proj.weight": [2, 8],
      "attn.b_proj.weight": [2, 8],
      "attn.g_proj.weight": [8, 8],
      "attn.o_proj.weight": [8, 8],
      "attn.q_conv1d.weight": [8, 1, 4],
      "attn.k_conv1d.weight": [8, 1, 4],
      "attn.v_conv1d.weight": [8, 1, 4],
      "attn.A_log": [2],
      "attn.dt_bias": [2],
      "attn.o_norm.weight": [4],
      "mlp_norm.weight": [8],
      "mlp.gate_proj.weight": [12, 8],
      "mlp.up_proj.weight": [12, 8],
      "mlp.down_proj.weight": [8, 12],
    });
    const expected = {
      "model.embeddings.weight": [11, 8],
      ...Object.fromEntries(
        [0, 1].flatMap((i) => block.map(([name, shape]) => [`model.layers.${i}.${name}`, shape])),
      ),
      "model.norm.weight": [8],
      "lm_head.weight": [11, 8],
    };
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(expected);
  });

  test("in bf16: within half of its last place, and the decay's parameters as they were", () => {
    save(path, parameters, sizes, alphabet, "bf16");
    const back = load(path).parameters;
    for (const { name, from, to } of places(plan(sizes))) {
      for (let i = from; i < to; i++) {
        const limit = /A_log|dt_bias/.test(name) ? 0 : 2 ** -8 * Math.abs(parameters[i]);
        expect(Math.abs(back[i] - parameters[i]), name).toBeLessThanOrEqual(limit);
      }
    }
    expect(back).not.toEqual(parameters);
  });

  test("a parameter of another shape is refused by its name", () => {
    save(path, parametersOf(sizesOf(false), Float32Array), sizesOf(false), alphabet);
    expect(() => load(path)).not.toThrow();
    const wrong = { ...sizesOf(false), toJSON: () => sizes };
    save(path, parametersOf(sizesOf(false), Float32Array), wrong, alphabet);
    expect(() => load(path)).toThrow(/a_proj\.weight of shape \[2,8\] expected, got none/);
  });
});

test("nothing is left in the backend", () => expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 }));
