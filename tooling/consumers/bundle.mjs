// Bundles the same programs by three bundlers, as the author of a page would set each up. Warnings count, because users see them.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import * as vite from "vite";
import webpack from "webpack";
import { ENDING } from "./browser.mjs";

async function withEsbuild({ user, entries, out }) {
  const result = await esbuild.build({
    absWorkingDir: user,
    entryPoints: entries,
    outdir: out,
    bundle: true,
    format: "esm",
    splitting: true,
    minify: true,
    target: "es2022",
    logLevel: "silent",
  });
  return result.warnings.map(({ text }) => text);
}

async function withVite({ user, entries, out }) {
  const warnings = [];
  const warn = (message) => warnings.push(message);
  await vite.build({
    root: user,
    configFile: false,
    logLevel: "silent",
    base: "./",
    customLogger: {
      ...vite.createLogger("silent"),
      warn,
      warnOnce: warn,
      error: warn,
    },
    build: {
      outDir: out,
      chunkSizeWarningLimit: 1 << 20,
      modulePreload: { polyfill: false },
      rollupOptions: { input: entries, output: { entryFileNames: "[name].js" } },
    },
  });
  return warnings;
}

async function withWebpack({ user, entries, out, minify }) {
  const compiler = webpack({
    context: user,
    mode: "production",
    target: "web",
    entry: entries,
    output: { path: out, publicPath: "auto" },
    performance: false,
    optimization: { minimize: minify },
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  return [...errors, ...warnings].map(({ message }) => message);
}

export const BUNDLERS = { esbuild: withEsbuild, vite: withVite, webpack: withWebpack };

/**
 * Bundles every program into user/built/<bundler>/<key>.js.
 * @param {Record<string, string>} sources are the programs by their keys
 * @param options `minify: false` spares webpack its minifier, which takes four fifths of its time; the others minify in any case
 * @returns {Promise<string[]>} the bundler's warnings
 */
export function bundle(bundler, user, sources, { minify = true } = {}) {
  const folder = join(user, "programs");
  mkdirSync(folder, { recursive: true });
  const entries = Object.fromEntries(
    Object.entries(sources).map(([key, code]) => {
      const path = join(folder, `${key}.js`);
      writeFileSync(path, code + ENDING);
      return [key, path];
    }),
  );
  return BUNDLERS[bundler]({ user, entries, out: join(user, "built", bundler), minify });
}
