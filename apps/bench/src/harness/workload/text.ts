import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const TOKEN = /[A-Za-z_$][\w$]*|\d+|([^\s\w])\1*/g;

/** Token ids are hashes modulo this. */
export const VOCABULARY: number = 2 ** 16;

/**
 * The folder of TypeScript's lib.*.d.ts: on disk wherever the bench is installed. From version 7 on they
 * lie in the platform's package, before that in typescript/lib.
 */
export function libFolder(): string {
  const here = createRequire(import.meta.url);
  const typescript = here.resolve("typescript/package.json");
  const platform = `@typescript/typescript-${process.platform}-${process.arch}/package.json`;
  try {
    return join(dirname(createRequire(typescript).resolve(platform)), "lib");
  } catch {
    return join(dirname(typescript), "lib");
  }
}

/** FNV-1a. */
function hash(word: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Words, numbers and runs of one punctuation mark, each hashed into the vocabulary. */
export function tokenise(text: string): number[] {
  return Array.from(text.matchAll(TOKEN), ([word]) => hash(word) % VOCABULARY);
}

/**
 * The first `count` tokens of TypeScript's declaration files, in order of their names.
 * @throws Error when there are fewer
 */
export function textTokens(count: number): { tokens: Uint32Array; files: number } {
  const folder = libFolder();
  const names = readdirSync(folder)
    .filter((name) => /^lib\..*d\.ts$/.test(name))
    .sort();
  const tokens = new Uint32Array(count);
  let [have, files] = [0, 0];
  for (const name of names) {
    if (have === count) break;
    const some = tokenise(readFileSync(join(folder, name), "utf8")).slice(0, count - have);
    tokens.set(some, have);
    have += some.length;
    files++;
  }
  if (have < count)
    throw new Error(`text workload: the declaration files have ${have} tokens, ${count} asked`);
  return { tokens, files };
}
