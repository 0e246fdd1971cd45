// Text inside a PNG: what a picture shows, in words that a program can read and compare.
import { crc32 } from "node:zlib";

const SIGNATURE = 8;

/** @returns {{ type: string, data: Buffer, at: number }[]} the chunks of a PNG file */
function chunksOf(png) {
  const chunks = [];
  for (let at = SIGNATURE; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.push({
      type: png.toString("latin1", at + 4, at + 8),
      data: png.subarray(at + 8, at + 8 + length),
      at,
    });
    at += length + 12;
  }
  return chunks;
}

/** @param {string} keyword @param {string} text in UTF-8 @returns {Buffer} the file with an iTXt chunk before its end */
export function withText(png, keyword, text) {
  const body = Buffer.concat([Buffer.from(`iTXt${keyword}\0\0\0\0\0`, "latin1"), Buffer.from(text)]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  const end = chunksOf(png).at(-1).at;
  return Buffer.concat([png.subarray(0, end), chunk, png.subarray(end)]);
}

/** @returns {string | undefined} what `withText` put there */
export function textOf(png, keyword) {
  const start = Buffer.from(`${keyword}\0\0\0\0\0`, "latin1");
  const found = chunksOf(png).find(
    ({ type, data }) => type === "iTXt" && data.subarray(0, start.length).equals(start),
  );
  return found?.data.subarray(start.length).toString();
}
