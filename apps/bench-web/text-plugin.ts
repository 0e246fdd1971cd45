import { createRequire } from "node:module";
import { textTokens } from "@dlrt/bench/text-tokens";
import type { Plugin } from "vite";

/** The tokens of the longest text that the page offers. */
const TEXT_TOKENS = 2 ** 16;

/** The module that reads TypeScript's declaration files from the disk. */
const READER = createRequire(import.meta.url).resolve("@dlrt/bench/text-tokens");

/** Brings their tokens, read now, in place of that module. */
export function bundledText(): Plugin {
  return {
    name: "dlrt-bundled-text",
    enforce: "pre",
    load(id) {
      if (id !== READER) return undefined;
      const { tokens, files } = textTokens(TEXT_TOKENS);
      const base64 = Buffer.from(Uint16Array.from(tokens).buffer).toString("base64");
      return `const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (c) => c.charCodeAt(0));
const all = new Uint16Array(bytes.buffer);
export function textTokens(count) {
  if (count > all.length) throw new Error(\`text workload: this page brings \${all.length} tokens, \${count} asked\`);
  return { tokens: Uint32Array.from(all.subarray(0, count)), files: ${files} };
}`;
    },
  };
}
