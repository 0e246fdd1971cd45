import { existsSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { FormatError, openSafetensors, readNpy } from "@dlrt/arrays";
import { newFloatArray, type Dtype, type FloatArray } from "@dlrt/core";
import { withFile } from "./file.js";
import { floatsOf, type HostArray } from "./host-array.js";
import type { Problem } from "../../harness/index.js";

const NEEDED = ["k", "v"] as const;
const TAKEN = ["q", "beta", "diag", "decay"] as const;
export type Arrays = Readonly<Record<(typeof NEEDED)[number], HostArray>> &
  Readonly<Partial<Record<(typeof TAKEN)[number], HostArray>>>;

/** Asks `read` for every array; `missing` says what there is instead of one that is needed. */
function collect(read: (name: string) => HostArray | undefined, missing: (name: string) => string): Arrays {
  const found: Record<string, HostArray> = {};
  for (const name of [...NEEDED, ...TAKEN]) {
    const array = read(name);
    if (array !== undefined) found[name] = array;
    else if (name === "k" || name === "v") {
      throw new FormatError(`${missing(name)}; k and v are needed, q, beta, diag and decay are taken`);
    }
  }
  return found as unknown as Arrays;
}

const fromFile = (path: string): Arrays =>
  withFile(path, `--data ${path}`, (source) => {
    const { tensors, read } = openSafetensors(source);
    const names = [...tensors.keys()];
    const there = names.slice(0, 10).map((name) => JSON.stringify(name));
    const list = `${there.join(", ")}${names.length > there.length ? ` and ${names.length - there.length} more` : ""}`;
    return collect(
      (name) =>
        tensors.has(name) ? floatsOf(`${source.name}: ${JSON.stringify(name)}`, read(name)) : undefined,
      (name) => `${source.name}: no tensor is named ${JSON.stringify(name)}, there are: ${list || "none"}`,
    );
  });

const fromFolder = (path: string): Arrays =>
  collect(
    (name) => {
      const file = join(path, `${name}.npy`);
      if (!existsSync(file)) return undefined;
      return withFile(file, `--data ${file}`, (source) => floatsOf(source.name, readNpy(source)));
    },
    (name) => `--data ${path}: there is no ${name}.npy in this folder`,
  );

/**
 * k, v and perhaps q, beta, diag, decay from a .safetensors file, or from .npy files of these names in a folder; nothing else of a
 * file is read.
 * @throws FormatError that names the file
 */
export function readArrays(path: string): Arrays {
  if (!existsSync(path)) throw new FormatError(`--data ${path}: there is no such file or folder`);
  if (statSync(path).isDirectory()) return fromFolder(path);
  const extension = extname(path).toLowerCase();
  if (extension === ".npy" || extension === ".npz") {
    throw new FormatError(
      `--data ${path}: expected the folder in which k.npy and v.npy lie, or a .safetensors file, got a ${extension} file`,
    );
  }
  return fromFile(path);
}

/** [..., n, columns] → batch, n, columns; all leading axes are one batch. */
function axes({ from, shape }: HostArray): [batch: number, n: number, columns: number] {
  if (shape.length < 2) {
    throw new FormatError(`${from}: shape (${shape.join(", ")}), expected (…, n, columns)`);
  }
  const batch = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return [batch, shape.at(-2)!, shape.at(-1)!];
}

function rows({ from, data }: HostArray, count: number): FloatArray {
  if (data.length !== count) {
    throw new FormatError(`${from}: ${data.length} elements, expected one for each of ${count} rows`);
  }
  return data;
}

function scaled(x: FloatArray, by: FloatArray | undefined, width: number, dtype: Dtype): FloatArray {
  const to = newFloatArray(dtype, x.length);
  for (let t = 0; t < x.length; t++) to[t] = x[t]! * (by ? by[Math.floor(t / width)]! : 1);
  return to;
}

/** g, one number for each row or for each element of k. @throws FormatError */
function gaps({ from, data }: HostArray, count: number, r: number): FloatArray {
  if (data.length !== count && data.length !== count * r) {
    const expected = `one for each of ${count} rows, or ${r} for each`;
    throw new FormatError(`${from}: ${data.length} elements, expected ${expected}`);
  }
  const bad = data.find((g) => !(g <= 0));
  if (bad !== undefined) {
    throw new FormatError(`${from}: ${bad} among them, expected logarithms of factors: g ≤ 0`);
  }
  return data;
}

/**
 * T = diag(λ) + tril(diag(β) Q Kᵀ, −1) with decay g, right-hand side diag(β) V. Q is K where it is not given: DeltaNet.
 * β and λ are 1 where they are not given, g is 0.
 * @throws FormatError when the shapes do not fit
 */
export function dataProblem(arrays: Arrays, dtype: Dtype, about: string): Problem {
  const { k, v, q = k } = arrays;
  const [batch, n, r] = axes(k);
  if (q.shape.join() !== k.shape.join()) {
    throw new FormatError(`${q.from}: shape (${q.shape.join(", ")}), expected k's (${k.shape.join(", ")})`);
  }
  const [vBatch, vRows, p] = axes(v);
  if (vBatch !== batch || vRows !== n) {
    throw new FormatError(
      `${v.from}: shape (${v.shape.join(", ")}) does not fit k's (${k.shape.join(", ")})`,
    );
  }
  if (k.data.length * v.data.length === 0) {
    throw new FormatError(
      `${(k.data.length === 0 ? k : v).from}: no elements, so there is nothing to measure`,
    );
  }
  const beta = arrays.beta && rows(arrays.beta, batch * n);
  const diag = arrays.diag && rows(arrays.diag, batch * n);
  const decay = arrays.decay && gaps(arrays.decay, batch * n, r);
  return {
    ...{ batch, n, r, p, dtype, about },
    diag: diag ? scaled(diag, undefined, 1, dtype) : newFloatArray(dtype, batch * n).fill(1),
    q: scaled(q.data, beta, r, dtype),
    k: scaled(k.data, undefined, r, dtype),
    b: scaled(v.data, beta, p, dtype),
    ...(decay && { decay: scaled(decay, undefined, 1, dtype) }),
  };
}
