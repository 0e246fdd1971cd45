import { describe } from "./describe.js";
import { ValueError } from "./errors.js";

/** What people call an option that has another name here: in BLAS, in numpy, in the field's other libraries. */
const synonyms: Readonly<Record<string, string>> = {
  t: "trans",
  adjoint: "trans",
  reverse: "trans",
  scale: "alpha",
  factor: "alpha",
  state: "initialState",
  z: "initialState",
  z0: "initialState",
  outputfinalstate: "finalState",
  gradfinalstate: "finalStateCotangent",
  output: "out",
  into: "out",
  result: "out",
  block: "chunk",
  blocksize: "chunk",
  verify: "check",
  validate: "check",
  workers: "threads",
  concurrency: "threads",
  fma: "relaxed",
  label: "name",
};

/**
 * Reduces a name to its letters and digits in lower case: `chunk_size`, `chunkSize` and `ChunkSize` become one name.
 */
const plain = (name: string): string => name.replaceAll(/[^a-z0-9]/gi, "").toLowerCase();

/** Returns how many letters have to be inserted, deleted or replaced to get from one word to the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Returns the allowed name that was probably meant. Only the beginning of a long name is looked at. */
function suggestion(name: string, names: readonly string[]): string | undefined {
  const word = plain(name.slice(0, 64));
  const synonym = synonyms[word];
  if (synonym !== undefined && names.includes(synonym)) return synonym;
  let longest = "";
  for (const allowed of names) {
    const begins = word.startsWith(plain(allowed)) || (word.length > 2 && plain(allowed).startsWith(word));
    if (begins && allowed.length > longest.length) longest = allowed;
  }
  if (longest !== "") return longest;
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const allowed of names) {
    const distance = editDistance(word, plain(allowed));
    if (distance < Math.min(least, allowed.length)) [nearest, least] = [allowed, distance];
  }
  return nearest;
}

const objectPrototype = Object.prototype;

/**
 * An object of options: a literal, one without prototype, an instance of a class; no array, Map or Promise, and no tensor
 * or backend, which have a `dispose`.
 */
function isRecord(options: unknown): options is object {
  if (typeof options !== "object" || options === null) return false;
  if (Object.getPrototypeOf(options) === objectPrototype) return true;
  return objectPrototype.toString.call(options) === "[object Object]" && !("dispose" in options);
}

/** The first own enumerable name that is not allowed. Allocates nothing: it runs in every call of an operation. */
function unknownName(options: object, names: readonly string[]): string | undefined {
  for (const name in options) {
    if (!names.includes(name) && Object.hasOwn(options, name)) return name;
  }
  return undefined;
}

/**
 * Refuses options that are no object, and names that are no option, with the one probably meant: an option that is
 * ignored gives wrong results in silence. Values, `undefined` among them, are the caller's to check.
 *
 * For a backend's `create` function, or any function with options: `checkOptions("options", options, ["name", "threads"])`.
 * @param argument what the error names, "options"
 * @throws ValueError
 */
export function checkOptions(argument: string, options: unknown, names: readonly string[]): void {
  if (options === undefined) return;
  let unknown: string | undefined;
  try {
    if (!isRecord(options)) throw new ValueError(argument, "an object with options", describe(options));
    unknown = unknownName(options, names);
  } catch (error) {
    if (error instanceof ValueError) throw error;
    // This is a revoked proxy, or one whose traps throw.
    throw new ValueError(argument, "an object with options", describe(options));
  }
  if (unknown === undefined) return;
  const meant = suggestion(unknown, names);
  const expected = names.length === 0 ? "no option" : `no option but ${names.join(", ")}`;
  throw new ValueError(argument, expected, describe(unknown) + (meant ? ` (did you mean ${meant}?)` : ""));
}

/** @throws ValueError unless undefined or a boolean */
export function checkFlag(argument: string, flag: unknown): void {
  if (flag !== undefined && typeof flag !== "boolean") {
    throw new ValueError(argument, "a boolean", describe(flag));
  }
}

/**
 * Checks a number that counts something: rows, heads, threads.
 * @throws ValueError unless an integer ≥ `least`, one that a float64 holds exactly
 */
export function checkCount(argument: string, count: number, least = 1): void {
  if (!Number.isSafeInteger(count) || count < least) {
    throw new ValueError(argument, `an integer ≥ ${least}`, describe(count));
  }
}

/** @throws ValueError unless undefined or a string of at least one character */
export function checkText(argument: string, text: unknown): void {
  if (text !== undefined && (typeof text !== "string" || text === "")) {
    throw new ValueError(argument, "a string, not empty", describe(text));
  }
}
