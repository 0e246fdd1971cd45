// Builds what the bench needs, quietly, and runs it: what `pnpm bench` calls.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const turbo = join(
  dirname(createRequire(join(root, "package.json")).resolve("turbo/package.json")),
  "bin",
  "turbo",
);
const PATIENCE_MS = 2000;

async function run(args, options) {
  const child = spawn(process.execPath, args, options);
  const said = [];
  child.stdout?.on("data", (bytes) => said.push(bytes));
  child.stderr?.on("data", (bytes) => said.push(bytes));
  const [code] = await once(child, "close");
  return { code: code ?? 1, said: Buffer.concat(said) };
}

const telling = setTimeout(
  () => process.stderr.write("Building, about a minute the first time…\n"),
  PATIENCE_MS,
);
const build = ["run", "build", "--filter=@dlrt/bench...", "--output-logs=errors-only"];
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
const { code, said } = await run([turbo, ...build], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
clearTimeout(telling);
if (code !== 0) process.stderr.write(said);
const main = fileURLToPath(new URL("dist/command-line/main.js", import.meta.url));
process.exitCode = code || (await run([main, ...process.argv.slice(2)], { stdio: "inherit" })).code;
