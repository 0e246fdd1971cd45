import { LinkError } from "./checks.js";

/** The most characters that a link may hold, and bytes when unpacked. A result of twelve sizes takes a tenth of that. */
const [MOST_PACKED, MOST_UNPACKED] = [16_000, 64_000];

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  filter: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // A small link can unpack to gigabytes: what comes out is counted as it comes.
  for (const stream = new Blob([bytes]).stream().pipeThrough(filter).getReader(); ;) {
    const { value, done } = await stream.read();
    if (done) break;
    length += value.length;
    if (length > most) {
      await stream.cancel();
      throw new LinkError("larger than any result");
    }
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** JSON, deflated, in the letters that an address takes as they are. */
export async function pack(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const packed = await through(bytes, new CompressionStream("deflate-raw"), Infinity);
  const letters = btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join(""));
  return letters.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @throws (rejects with) LinkError for what `pack` has not made */
export async function unpack(text: string): Promise<unknown> {
  if (text.length > MOST_PACKED) throw new LinkError("longer than any result");
  if (!/^[\w-]+$/.test(text)) throw new LinkError("damaged");
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const json = await through(bytes, new DecompressionStream("deflate-raw"), MOST_UNPACKED);
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (error) {
    throw error instanceof LinkError ? error : new LinkError("damaged");
  }
}
