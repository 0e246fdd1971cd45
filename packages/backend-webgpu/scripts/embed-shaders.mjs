// Turns src/shaders/*.wgsl into one module, so that no bundler has to know about .wgsl files. What has to be unrolled is unrolled here (see
// unroll.mjs), and comments are left out, so that nobody has to load them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { unroll } from "./unroll.mjs";

const root = new URL("../src/", import.meta.url);
const files = readdirSync(new URL("shaders/", root))
  .filter((file) => file.endsWith(".wgsl"))
  .sort();
/** The text of a shader or of a part, with the parts that it shares with others in place of `//#include NAME`. */
const textOf = (file) =>
  readFileSync(new URL(`shaders/${file}`, root), "utf8").replace(/^\/\/#include ([\w-]+)$/gm, (_, part) =>
    textOf(`parts/${part}.wgsl`),
  );
/** The code without comments, which WGSL, having no strings, begins at any `//`, and without the lines that are empty then. */
const bare = (code) => code.replace(/[ \t]*\/\/.*$/gm, "").replace(/^\s*\n/gm, "");
const entries = files.map((file) => {
  const code = bare(unroll(textOf(file), file));
  return `  ${JSON.stringify(file.slice(0, -".wgsl".length))}: ${JSON.stringify(code)},\n`;
});
mkdirSync(new URL("generated/", root), { recursive: true });
const names = files.map((file) => JSON.stringify(file.slice(0, -".wgsl".length)));
writeFileSync(
  new URL("generated/shaders.ts", root),
  [
    "// From src/shaders/*.wgsl by scripts/embed-shaders.mjs.",
    `export type ShaderName = ${names.join(" | ")};`,
    `export const shaderCode: Readonly<Record<ShaderName, string>> = {\n${entries.join("")}};\n`,
  ].join("\n"),
);
