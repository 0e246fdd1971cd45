import { textTokens } from "@dlrt/bench/dist/workload/text.js";
import type { Plugin } from "vite";

/** As many as the command line takes by default. */
export const TEXT_TOKENS = 2 ** 16;

/** In place of the bench's text.js, which reads TypeScript's declaration files from the disk: their tokens, read now. */
function moduleOfTokens(): string {
  const { tokens, files } = textTokens(TEXT_TOKENS);
  const base64 = Buffer.from(Uint16Array.from(tokens).buffer).toString("base64");
  return `const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (c) => c.charCodeAt(0));
const all = new Uint16Array(bytes.buffer);
export function textTokens(count) {
  if (count > all.length) throw new Error(\`text workload: this page brings \${all.length} tokens, \${count} asked\`);
  return { tokens: Uint32Array.from(all.subarray(0, count)), files: ${files} };
}`;
}

const ID = "\0dlrt-bench-text";

export function bundledText(): Plugin {
  return {
    name: "dlrt-bundled-text",
    enforce: "pre",
    resolveId: (source, importer) =>
      source === "./text.js" &&
      importer !== undefined &&
      /[\\/]bench[\\/]dist[\\/]workload[\\/]/.test(importer)
        ? ID
        : undefined,
    load: (id) => (id === ID ? moduleOfTokens() : undefined),
  };
}
