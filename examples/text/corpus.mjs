// The text: the declaration files that whoever writes TypeScript for Node has on disk, those of JavaScript and of Node.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { randomFrom } from "./random.mjs";

/** The licence with which many of the files begin; left out, so that nobody scores by knowing it by heart. */
const LICENCE = /^\/\*! \*+[\s\S]*?\*+ \*\/\s*/;
/** Files longer than this, in characters, are learned from: held out, one of them would be nearly all of what is judged. */
const LONG = 300_000;

const folderOf = (name) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

/** Files of a folder whose paths match, in the order of these. */
function filesIn(folder, pattern) {
  const paths = readdirSync(folder, { recursive: true }).map((path) => path.replaceAll("\\", "/"));
  return paths
    .filter((path) => pattern.test(path))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((path) => ({
      path,
      text: readFileSync(join(folder, path), "utf8").replaceAll("\r\n", "\n").replace(LICENCE, ""),
    }));
}

/** @returns {{ path: string, text: string }[]} */
export function readFiles() {
  return [
    ...filesIn(join(folderOf("typescript"), "lib"), /^lib\..*d\.ts$/),
    ...filesIn(folderOf("@types/node"), /\.d\.ts$/),
  ];
}

/**
 * Whole files in two parts: one in twelve is held out, chosen by the seed.
 * @returns {{ trained: typeof files, heldOut: typeof files }}
 */
export function split(files, seed = 1) {
  const random = randomFrom(seed);
  const chosen = files.map(({ text }) => random() < 1 / 12 && text.length <= LONG);
  return { trained: files.filter((_, i) => !chosen[i]), heldOut: files.filter((_, i) => chosen[i]) };
}

/** Characters (UTF-16 units) as numbers; number 0 is the start of a file. */
export class Alphabet {
  #numbers = new Uint8Array(2 ** 16);

  /** @param {string} characters those there are, in any order, each as often as it likes */
  constructor(characters) {
    const codes = new Uint8Array(2 ** 16);
    for (let i = 0; i < characters.length; i++) codes[characters.charCodeAt(i)] = 1;
    this.characters = "";
    codes.forEach((there, code) => (this.characters += there ? String.fromCharCode(code) : ""));
    if (this.size > 256)
      throw new RangeError(`characters: at most 255 different ones expected, got ${this.size - 1}`);
    for (let i = 0; i < this.characters.length; i++) this.#numbers[this.characters.charCodeAt(i)] = i + 1;
  }

  get size() {
    return this.characters.length + 1;
  }

  /** A number a character. @throws RangeError where there is no such character */
  encode(text) {
    const numbers = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
      numbers[i] = this.#numbers[text.charCodeAt(i)];
      if (numbers[i] === 0)
        throw new RangeError(`text: a character of the alphabet expected, got ${JSON.stringify(text[i])}`);
    }
    return numbers;
  }

  decode(numbers) {
    return Array.from(numbers, (number) => this.characters[number - 1] ?? "\n").join("");
  }

  /** Files one after the other, a start before each. */
  join(files) {
    const stream = new Uint8Array(files.reduce((sum, { text }) => sum + text.length + 1, 0));
    let at = 0;
    for (const { text } of files) {
      stream.set(this.encode(text), at + 1);
      at += text.length + 1;
    }
    return stream;
  }
}
