import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { newFloatArray, type Dtype, type FloatArray } from "@dlrt/core";
import { FormatError, type HostArray } from "../arrays/host-array.js";
import { parseNpy } from "../arrays/npy.js";
import { parseSafetensors } from "../arrays/safetensors.js";
import type { Problem } from "./problem.js";

const NAMES = ["q", "k", "v", "beta", "diag"] as const;
type Name = (typeof NAMES)[number];
type Arrays = Partial<Record<Name, HostArray>>;

/** k, v and perhaps q, beta, diag from a .safetensors file, or from .npy files of these names in a folder. */
export function readArrays(path: string): Arrays {
  const found: Arrays = {};
  if (!existsSync(path)) throw new FormatError(`--data ${path}: there is no such file or folder`);
  const folder = statSync(path).isDirectory();
  const tensors = folder ? undefined : parseSafetensors(readFileSync(path));
  for (const name of NAMES) {
    const file = join(path, `${name}.npy`);
    const array = tensors ? tensors.get(name) : existsSync(file) ? parseNpy(readFileSync(file)) : undefined;
    if (array !== undefined) found[name] = array;
  }
  return found;
}

/** [..., n, columns] → batch, n, columns; all leading axes are one batch. */
function axes(name: Name, { shape }: HostArray): [batch: number, n: number, columns: number] {
  if (shape.length < 2)
    throw new FormatError(`${name}: shape (${shape.join(", ")}), expected (…, n, columns)`);
  const batch = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return [batch, shape.at(-2)!, shape.at(-1)!];
}

function rows(name: Name, array: HostArray, count: number): FloatArray {
  if (array.data.length !== count) {
    throw new FormatError(`${name}: ${array.data.length} elements, expected one for each of ${count} rows`);
  }
  return array.data;
}

function scaled(x: FloatArray, by: FloatArray | undefined, width: number, dtype: Dtype): FloatArray {
  const to = newFloatArray(dtype, x.length);
  for (let t = 0; t < x.length; t++) to[t] = x[t]! * (by ? by[Math.floor(t / width)]! : 1);
  return to;
}

/**
 * T = diag(λ) + tril(diag(β) Q Kᵀ, −1), right-hand side diag(β) V. Q is K where it is not given: DeltaNet. β and λ
 * are 1 where they are not given.
 * @throws FormatError when k or v is missing or the shapes do not fit
 */
export function dataProblem(arrays: Arrays, dtype: Dtype, about: string): Problem {
  const { k, v, q = k } = arrays;
  if (k === undefined || q === undefined || v === undefined) {
    const missing = k === undefined ? "k" : "v";
    throw new FormatError(`${about}: no ${missing} there; k and v are needed, q, beta and diag are taken`);
  }
  const [batch, n, r] = axes("k", k);
  if (q.shape.join() !== k.shape.join()) {
    throw new FormatError(`q: shape (${q.shape.join(", ")}), expected k's (${k.shape.join(", ")})`);
  }
  const [vBatch, vRows, p] = axes("v", v);
  if (vBatch !== batch || vRows !== n) {
    throw new FormatError(`v: shape (${v.shape.join(", ")}) does not fit k's (${k.shape.join(", ")})`);
  }
  const beta = arrays.beta && rows("beta", arrays.beta, batch * n);
  const diag = arrays.diag && rows("diag", arrays.diag, batch * n);
  return {
    ...{ batch, n, r, p, dtype, about },
    diag: diag ? scaled(diag, undefined, 1, dtype) : newFloatArray(dtype, batch * n).fill(1),
    q: scaled(q.data, beta, r, dtype),
    k: scaled(k.data, undefined, r, dtype),
    b: scaled(v.data, beta, p, dtype),
  };
}
