// Records the public API of every entry in etc/api, so that a change of it shows in review and asks for a changeset.
import {
  mkdtempSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  existsSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { ROOT, publishable, resolveTarget } from "@dlrt/release/packages";

export const RECORDED = join(ROOT, "etc", "api");
export const HOW =
  "Record it with `npx -y pnpm@12.21.0 --filter @dlrt/consumers api`, look at the difference, and add a changeset " +
  "(`npx -y pnpm@12.21.0 changeset`): minor for an addition, major for anything that can break a caller (minor before 1.0).";

/** Returns the file name of an entry's report: "core-host.api.md" for "@dlrt/core/host". */
const reportName = (entry) => `${entry.replace("@dlrt/", "").replaceAll("/", "-")}.api.md`;

function extract({ folder, types, name, into }) {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, types),
      newlineKind: "lf",
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: into,
        reportTempFolder: join(into, "temp"),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: "nodenext",
            moduleResolution: "nodenext",
            target: "es2022",
            lib: ["es2022", "esnext.disposable", "dom"],
            strict: true,
            skipLibCheck: true,
            types: [],
          },
          files: [join(folder, types)],
        },
      },
      messages: {
        compilerMessageReporting: { default: { logLevel: "warning" } },
        extractorMessageReporting: { default: { logLevel: "none" } },
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
    configObjectFullPath: join(folder, "api-extractor.json"),
    packageJsonFullPath: join(folder, "package.json"),
  });
  const said = [];
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      const created = message.messageId === "console-api-report-created";
      if (!created && ["error", "warning"].includes(message.logLevel)) said.push(message.text);
      message.handled = true;
    },
  });
  if (said.length > 0) throw new Error(`${name}:\n${said.join("\n")}`);
}

/** Makes the report of every entry with types. @returns {Record<string, string>} the reports by their file names */
export function extractAll(packages = publishable()) {
  const into = mkdtempSync(join(tmpdir(), "dlrt-api-"));
  mkdirSync(join(into, "temp"));
  try {
    for (const { name, folder, manifest, entries } of packages) {
      for (const entry of entries) {
        const types = resolveTarget(manifest.exports[`.${entry.slice(name.length)}`], ["types", "import"]);
        if (types?.endsWith(".d.ts")) extract({ folder, types, name: reportName(entry), into });
      }
    }
    const names = readdirSync(into).filter((file) => file.endsWith(".api.md"));
    return Object.fromEntries(names.map((file) => [file, readFileSync(join(into, file), "utf8")]));
  } finally {
    rmSync(into, { recursive: true });
  }
}

/** Returns the recorded reports by their file names. */
export function recorded() {
  if (!existsSync(RECORDED)) return {};
  return Object.fromEntries(
    readdirSync(RECORDED).map((file) => [file, readFileSync(join(RECORDED, file), "utf8")]),
  );
}

/** Returns the packages whose report differs and that no pending changeset names. */
export function withoutChangeset(before, after, changesets) {
  const files = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = files.filter((file) => before[file] !== after[file]);
  const names = publishable().map(({ name }) => name);
  const packageOf = (file) =>
    names.find((name) => file === reportName(name) || file.startsWith(`${name.replace("@dlrt/", "")}-`));
  const asked = [...new Set(changed.map(packageOf))].filter((name) => name !== undefined);
  return asked.filter((name) => !changesets.some((text) => text.includes(`"${name}":`)));
}

function pendingChangesets() {
  const folder = join(ROOT, ".changeset");
  const files = readdirSync(folder).filter((file) => file.endsWith(".md") && file !== "README.md");
  return files.map((file) => readFileSync(join(folder, file), "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const before = recorded();
  const reports = extractAll();
  rmSync(RECORDED, { recursive: true, force: true });
  mkdirSync(RECORDED, { recursive: true });
  for (const [file, text] of Object.entries(reports)) writeFileSync(join(RECORDED, file), text);
  console.log(`recorded ${Object.keys(reports).length} entries in etc/api`);
  for (const name of withoutChangeset(before, reports, pendingChangesets())) {
    console.log(`${name} changed, and no changeset says so: npx -y pnpm@12.21.0 changeset`);
    process.exitCode = 1;
  }
}
