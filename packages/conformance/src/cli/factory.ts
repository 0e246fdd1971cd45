import type { Backend } from "@dlrt/core";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Create } from "../runner.js";
import { lineOf, WrongUsage } from "./wrong-usage.js";

type Exports = Readonly<Record<string, unknown>>;

/** "./my.js#createMine" → ["./my.js", "createMine"] */
function partsOf(argument: string): [path: string, name: string | undefined] {
  const at = argument.lastIndexOf("#");
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

/** Resolves a path from the working directory, or a package as that directory sees it. */
function addressOf(path: string): string {
  if (path.startsWith("file:")) return path;
  if (/^\.{1,2}([\\/]|$)/.test(path) || isAbsolute(path) || existsSync(path)) {
    return pathToFileURL(resolve(path)).href;
  }
  try {
    return pathToFileURL(createRequire(join(process.cwd(), "_")).resolve(path)).href;
  } catch {
    return path; // a package without a `require` condition is found if it is installed beside this one
  }
}

async function load(path: string): Promise<Exports> {
  try {
    return (await import(addressOf(path))) as Exports;
  } catch (error) {
    const line = lineOf(error).replace(` imported from ${fileURLToPath(import.meta.url)}`, "");
    throw new WrongUsage(`cannot load ${path}: ${line}`);
  }
}

/** Picks the export that is named; otherwise the one function that is named create…; otherwise the default export. */
function factoryIn(exports: Exports, path: string, wanted: string | undefined): [string, Create] {
  const names = Object.keys(exports).filter((name) => typeof exports[name] === "function");
  const found = (name: string): [string, Create] => [name, exports[name] as Create];
  if (wanted !== undefined) {
    if (names.includes(wanted)) return found(wanted);
    const others = names.length > 0 ? `; its functions: ${names.join(", ")}` : "";
    throw new WrongUsage(`${path} exports no function ${wanted}${others}`);
  }
  const makers = names.filter((name) => name.startsWith("create"));
  if (makers.length === 1) return found(makers[0]!);
  if (names.includes("default")) return found("default");
  throw new WrongUsage(
    makers.length > 1
      ? `${path} exports ${makers.join(" and ")}; choose with --backend ${path}#${makers[0]!}`
      : `${path} exports no factory: a function named create…, or a default export that is a function`,
  );
}

/** @throws WrongUsage: the factory throws, or what it makes is no backend */
async function firstOf(create: Create, call: string): Promise<Backend> {
  let first: Backend;
  try {
    first = await create();
  } catch (error) {
    throw new WrongUsage(`${call} failed: ${lineOf(error)}`);
  }
  const parts: Partial<Backend> = first ?? {};
  if (typeof parts.name !== "string" || !parts.kernels || !Array.isArray(parts.supports?.dtypes)) {
    throw new WrongUsage(`${call} makes no backend: it needs name, supports and kernels`);
  }
  return first;
}

/** A factory that has been called once. `create` first gives what that call gave. */
interface Factory {
  readonly create: Create;
  /** Rejects with WrongUsage. It may also never settle, as anything may that a backend does. */
  readonly first: Promise<Backend>;
}

/**
 * The factory that `--backend` names.
 * @throws WrongUsage: no such module or export
 */
export async function factoryOf(argument: string): Promise<Factory> {
  const [path, wanted] = partsOf(argument);
  const [name, create] = factoryIn(await load(path), path, wanted);
  const first = firstOf(create, `${name}() of ${path}`);
  let given = false;
  return {
    first,
    create: () => {
      if (given) return create();
      given = true;
      return first;
    },
  };
}
