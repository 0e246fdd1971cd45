import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@dlrt/arrays";
import { afterAll, expect, test } from "vitest";
import { dataProblem, readArrays } from "../src/command-line/data/data.js";
import type { HostArray } from "../src/command-line/data/host-array.js";

const folder = join(import.meta.dirname, "fixtures");
const here = mkdtempSync(join(tmpdir(), "dlrt-data-"));
afterAll(() => rmSync(here, { recursive: true }));
const array = (from: string, shape: number[], data: number[]): HostArray => ({
  from,
  shape,
  data: new Float64Array(data),
});
const k = array("k", [2, 2], [1, 2, 3, 4]);
const v = array("v", [2, 1], [10, 20]);

test("T = diag(λ) + tril(diag(β) Q Kᵀ, −1), right-hand side diag(β) V", () => {
  const q = array("q", [2, 2], [5, 6, 7, 8]);
  const arrays = { k, v, q, beta: array("beta", [2], [0.5, 0.25]), diag: array("diag", [2, 1], [3, 4]) };
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

test("decay is taken by row or by channel, and refused where it grows or does not fit", () => {
  const g = (shape: number[], ...data: number[]): HostArray => array("decay", shape, data);
  const problemWith = (decay: HostArray) => dataProblem({ k, v, decay }, "f64", "here").decay;
  expect(problemWith(g([2], 0, -1))).toEqual(new Float64Array([0, -1]));
  expect(problemWith(g([2, 2], 0, -1, -Infinity, -3))).toEqual(new Float64Array([0, -1, -Infinity, -3]));
  expect(() => problemWith(g([3], 0, -1, -2))).toThrow(/decay: 3 elements, expected one for each of 2 rows/);
  expect(() => problemWith(g([2], 0, 0.5))).toThrow(/decay: 0.5 among them/);
  expect(() => problemWith(g([2], 0, Number.NaN))).toThrow(FormatError);
});

test("leading axes are the batch", () => {
  const { batch, n } = dataProblem(
    {
      k: array("k", [3, 2, 4, 1], Array.from({ length: 24 }, Number)),
      v: array("v", [6, 4, 2], Array.from({ length: 48 }, Number)),
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

test("what does not fit is said, with the file it came from", () => {
  const bad = [
    [{ k: array("a/k.npy", [4], [1, 2, 3, 4]), v }, /^a\/k\.npy: shape \(4\), expected/],
    [{ k, v: array("v", [3, 1], [1, 2, 3]) }, /^v: shape \(3, 1\) does not fit/],
    [{ k, v, q: array("q", [1, 4], [1, 2, 3, 4]) }, /^q: shape \(1, 4\)/],
    [{ k, v, beta: array("beta", [3], [1, 2, 3]) }, /^beta: 3 elements, expected one for each of 2 rows/],
    [{ k: array("k", [0, 2], []), v: array("v", [0, 1], []) }, /^k: no elements/],
  ] as const;
  for (const [arrays, message] of bad) {
    expect(() => dataProblem(arrays, "f32", "here")).toThrow(FormatError);
    expect(() => dataProblem(arrays, "f32", "here")).toThrow(message);
  }
});

const refused = (path: string, message: RegExp): void => {
  expect(() => readArrays(path)).toThrow(FormatError);
  expect(() => readArrays(path)).toThrow(message);
  expect(() => readArrays(path)).toThrow(`--data ${path}`);
};

test("a path that is not there, a file where a folder belongs, a file that is missing in it", () => {
  refused(join(folder, "nowhere.safetensors"), /no such file or folder/);
  refused(join(folder, "user/k.npy"), /expected the folder in which k\.npy and v\.npy lie.*got a \.npy file/);
  const user = join(here, "user");
  mkdirSync(user);
  refused(user, /there is no k\.npy in this folder/);
  copyFileSync(join(folder, "user/k.npy"), join(user, "k.npy"));
  refused(user, /there is no v\.npy in this folder; k and v are needed/);
  copyFileSync(join(folder, "int64.npy"), join(user, "v.npy"));
  refused(join(user, "v.npy"), /expected the folder/);
  expect(() => readArrays(user)).toThrow(
    `--data ${join(user, "v.npy")} has dtype i64, which is not taken: no float holds`,
  );
});

test("a file of another kind: what it is", () => {
  const files: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["model.pt", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0), /this is a zip archive.*PyTorch/],
    ["old.bin", Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20), /this is a pickle/],
    ["k.bin", readFileSync(join(folder, "user/k.npy")), /this is a NumPy array/],
    ["model.gguf", Uint8Array.of(0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, 0, 0), /this is a GGUF file/],
    ["pointer.safetensors", "version https://git-lfs.github.com/spec/v1\n", /git lfs pull/],
    ["config.json", '{"k": [1, 2, 3]}', /this is JSON/],
    ["k.csv", "0.1,0.2,0.3\n", /this is text/],
    ["empty.safetensors", "", /the file is empty/],
    ["short.safetensors", Uint8Array.of(9, 0, 0), /ends after 3 bytes/],
  ];
  for (const [name, content, message] of files) {
    const path = join(here, name);
    writeFileSync(path, content);
    expect(() => readArrays(path)).toThrow(FormatError);
    refused(path, message);
  }
});

/** A .safetensors file of these entries, with `size` bytes of elements, none written. */
function safetensors(name: string, header: object, size: number): { path: string; start: number } {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(here, name);
  writeFileSync(path, Buffer.concat([length, json]));
  truncateSync(path, 8 + json.length + size);
  return { path, start: 8 + json.length };
}

test("a tensor that is missing, and one of a dtype that is not taken, in a file of safetensors", () => {
  const f32 = (at: number): object => ({ dtype: "F32", shape: [1, 1], data_offsets: [at, at + 4] });
  const without = safetensors("without.safetensors", { k: f32(0), "layer.v": f32(4) }, 8);
  refused(without.path, /no tensor is named "v", there are: "k", "layer\.v"; k and v are needed/);
  const odd = { dtype: "F8_E4M3FNUZ", shape: [1, 1], data_offsets: [4, 5] };
  refused(safetensors("odd.safetensors", { k: f32(0), v: odd }, 5).path, /"v" has dtype F8_E4M3FNUZ/);
  const beside = { k: f32(0), other: odd, v: { ...f32(5) } };
  expect(readArrays(safetensors("beside.safetensors", beside, 9).path).v.data.length).toBe(1);
});

test("a file of 6 GiB, of which the header and two small tensors are read", ({ skip }) => {
  const huge = 6 * 2 ** 30;
  const header = {
    k: { dtype: "F32", shape: [2, 1], data_offsets: [0, 8] },
    embedding: { dtype: "F32", shape: [2 ** 20, 1536], data_offsets: [8, 8 + huge] },
    more: { dtype: "I64", shape: [2 ** 40, 0], data_offsets: [8 + huge, 8 + huge] },
    v: { dtype: "F32", shape: [2, 1], data_offsets: [8 + huge, 16 + huge] },
  };
  let made: ReturnType<typeof safetensors>;
  try {
    made = safetensors("huge.safetensors", header, 16 + huge);
  } catch (error) {
    return skip(`this file system holds no file of 6 GiB: ${(error as Error).message}`);
  }
  if (statSync(made.path).blocks * 512 > 2 ** 30) skip("this file system has no sparse files");
  const file = openSync(made.path, "r+");
  writeSync(file, Buffer.from(Float32Array.of(1, 2).buffer), 0, 8, made.start);
  writeSync(file, Buffer.from(Float32Array.of(3, 4).buffer), 0, 8, made.start + 8 + huge);
  closeSync(file);
  const arrays = readArrays(made.path);
  expect([arrays.k.data, arrays.v.data]).toEqual([Float32Array.of(1, 2), Float32Array.of(3, 4)]);
});

test("more elements than are read at a time", () => {
  const n = 3 * 2 ** 20 + 5;
  const header = {
    k: { dtype: "BF16", shape: [n, 1], data_offsets: [0, 2 * n] },
    v: { dtype: "U8", shape: [n, 1], data_offsets: [2 * n, 3 * n] },
  };
  const { path, start } = safetensors("long.safetensors", header, 3 * n);
  const bytes = Buffer.alloc(3 * n, 1);
  for (let i = 0; i < n; i++) bytes.writeUInt16LE(i % 0x7f80, 2 * i);
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, start);
  closeSync(file);
  const { k: read, v: ones } = readArrays(path);
  const bits = new Uint32Array(new Float32Array(read.data).buffer);
  expect(bits.findIndex((x, i) => x !== (i % 0x7f80) * 2 ** 16)).toBe(-1);
  expect(ones.data.findIndex((x) => x !== 1)).toBe(-1);
});
