import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError, type HostArray } from "../src/arrays/host-array.js";
import { dataProblem, readArrays } from "../src/workload/data.js";

const folder = join(import.meta.dirname, "fixtures");
const array = (shape: number[], data: number[]): HostArray => ({ shape, data: new Float64Array(data) });
const k = array([2, 2], [1, 2, 3, 4]);
const v = array([2, 1], [10, 20]);

test("T = diag(λ) + tril(diag(β) Q Kᵀ, −1), right-hand side diag(β) V", () => {
  const q = array([2, 2], [5, 6, 7, 8]);
  const arrays = { k, v, q, beta: array([2], [0.5, 0.25]), diag: array([2, 1], [3, 4]) };
  expect(dataProblem(arrays, "f32", "here")).toEqual({
    ...{ batch: 1, n: 2, r: 2, p: 1, dtype: "f32", about: "here" },
    diag: new Float32Array([3, 4]),
    q: new Float32Array([2.5, 3, 1.75, 2]),
    k: new Float32Array([1, 2, 3, 4]),
    b: new Float32Array([5, 5]),
  });
});

test("without q, β and λ: Q = K, and ones", () => {
  const { q, diag, b } = dataProblem({ k, v }, "f64", "here");
  expect([q, diag, b]).toEqual([k.data, new Float64Array([1, 1]), v.data]);
});

test("leading axes are the batch", () => {
  const { batch, n } = dataProblem(
    {
      k: array([3, 2, 4, 1], Array.from({ length: 24 }, Number)),
      v: array([6, 4, 2], Array.from({ length: 48 }, Number)),
    },
    "f32",
    "here",
  );
  expect([batch, n]).toEqual([6, 4]);
});

test("one file of safetensors; a folder of npy", () => {
  const problem = dataProblem(readArrays(join(folder, "user.safetensors")), "f32", "user");
  expect([problem.batch, problem.n, problem.r, problem.p]).toEqual([2, 7, 4, 3]);
  expect(Math.hypot(...problem.k.subarray(0, 4))).toBeCloseTo(1, 6);
  const npy = dataProblem(readArrays(join(folder, "user")), "f32", "user");
  expect(npy).toEqual(problem);
});

test("what is missing or does not fit is said", () => {
  const bad = [
    [{}, /no k there/],
    [{ k }, /no v there/],
    [{ k: array([4], [1, 2, 3, 4]), v }, /k: shape \(4\), expected/],
    [{ k, v: array([3, 1], [1, 2, 3]) }, /v: shape \(3, 1\) does not fit/],
    [{ k, v, q: array([1, 4], [1, 2, 3, 4]) }, /q: shape \(1, 4\)/],
    [{ k, v, beta: array([3], [1, 2, 3]) }, /beta: 3 elements, expected one for each of 2 rows/],
  ] as const;
  for (const [arrays, message] of bad) {
    expect(() => dataProblem(arrays, "f32", "here")).toThrow(FormatError);
    expect(() => dataProblem(arrays, "f32", "here")).toThrow(message);
  }
  expect(() => readArrays(join(folder, "nowhere.safetensors"))).toThrow(/no such file/);
});
