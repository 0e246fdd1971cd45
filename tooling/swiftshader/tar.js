import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";

const BLOCK = 512;
const REGULAR = new Set(["0", "\0"]);

/**
 * Writes the regular files of an uncompressed ustar archive below `into`.
 * @param {Buffer} archive
 * @param {string} into
 */
export function extractTar(archive, into) {
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const field = (/** @type {number} */ from, /** @type {number} */ length) =>
      archive.toString("utf8", at + from, at + from + length).split("\0")[0] ?? "";
    const size = Number.parseInt(field(124, 12), 8) || 0;
    const path = join(into, field(345, 155), field(0, 100));
    if (!path.startsWith(into + sep) && path !== into)
      throw new Error(`archive path leaves its folder: ${path}`);
    if (REGULAR.has(String.fromCharCode(archive[at + 156] ?? 0))) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, archive.subarray(at + BLOCK, at + BLOCK + size));
      chmodSync(path, 0o755);
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}
