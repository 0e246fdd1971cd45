import { fail, readBytes, type Source } from "../source.js";

/** How files begin that somebody may take for a .safetensors file, and what they are called. */
const KINDS: readonly (readonly [start: string, kind: string])[] = [
  ["PK\u0003\u0004", "a zip archive, as .npz files and PyTorch's .pt and .pth files are"],
  ["\u0093NUMPY", "a NumPy array (.npy)"],
  ["GGUF", "a GGUF file"],
  ["\u0089HDF", "an HDF5 file"],
  ["\u001f\u008b", "compressed with gzip"],
  ["\u0080\u0002", "a pickle, as old PyTorch files are"],
  ["\u0008\u0007\u0012", "an ONNX model"],
  ["version https://git-lfs", "a pointer of Git LFS: `git lfs pull` fetches the file itself"],
  ["{", "JSON"],
  ["[", "JSON"],
];

const START = 32;
/** Tells whether a file is text. A .safetensors file is not: bytes 3 to 7 of its header's length are 0, and so no letters or digits. */
const isText = (start: string): boolean => /^[\t\n\r -~]+$/.test(start);

/** Refuses what is plainly something else than a .safetensors file, and says what it is. @throws FormatError */
export function refuseOthers(source: Source): void {
  if (source.size === 0) fail(source, "the file is empty");
  const bytes = readBytes(source, 0, Math.min(START, source.size));
  const start = String.fromCharCode(...bytes);
  const header = bytes[8] === 0x7b; // a { after eight bytes of length
  const known = header ? undefined : KINDS.find(([begins]) => start.startsWith(begins))?.[1];
  const kind = known ?? (isText(start) ? "text" : undefined);
  if (kind !== undefined) fail(source, `expected a .safetensors file, this is ${kind}`);
}
