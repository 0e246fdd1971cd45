// Writes the API reference from the docstrings in the packages' type declarations.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";

const DOCS = fileURLToPath(new URL("../", import.meta.url));
const PACKAGES = join(DOCS, "../../packages");
const OUT = join(DOCS, "pages/reference");

/** Returns every JavaScript entry of every package that is not private, such as "@dlrt/core/host". */
export function entryPoints() {
  return readdirSync(PACKAGES)
    .filter((folder) => existsSync(join(PACKAGES, folder, "package.json")))
    .map((folder) => JSON.parse(readFileSync(join(PACKAGES, folder, "package.json"), "utf8")))
    .filter((manifest) => !manifest.private)
    .flatMap(({ name, exports }) =>
      Object.entries(exports)
        .filter(([path, target]) => target.types?.endsWith(".d.ts") && !path.endsWith("/worker"))
        .map(([path]) => name + path.slice(1)),
    );
}

/** Writes a file for every entry, named as a reader imports it, and returns their paths with that of a tsconfig for them. */
function writeEntries(folder) {
  rmSync(folder, { recursive: true, force: true });
  // An entry below another one comes first, because "@dlrt/core/backend" and the `Backend` of "@dlrt/core" claim the same page's name.
  const entries = entryPoints().toSorted((a, b) => (`${a}~` < `${b}~` ? -1 : 1));
  const files = entries.map((entry) => {
    const file = join(folder, `${entry}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `export * from ${JSON.stringify(entry)};\n`);
    return file;
  });
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    lib: ["es2022", "esnext.disposable", "dom"],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  const tsconfig = join(folder, "tsconfig.json");
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files }));
  return { files, tsconfig };
}

export async function writeReference() {
  const { files, tsconfig } = writeEntries(join(DOCS, "generated/entries"));
  const app = await Application.bootstrapWithPlugins({
    name: "API reference",
    entryPoints: files,
    sortEntryPoints: false,
    tsconfig,
    plugin: ["typedoc-plugin-markdown"],
    out: OUT,
    readme: "none",
    disableSources: true,
    githubPages: false,
    excludePrivate: true,
    excludeInternal: true,
    hideGenerator: true,
    logLevel: "Error",
    router: "module",
    entryFileName: "index",
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    useCodeBlocks: true,
    sanitizeComments: true,
  });
  const project = await app.convert();
  if (!project) throw new Error("typedoc read no project");
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error("typedoc found errors");
}
