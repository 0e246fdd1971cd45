import { execFileSync, fork } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export { causalConvModel, graphModel, linearAttentionModel, softmaxAttentionModel } from "./model.js";

/** The versions are exact, so that a table can say with what it compares. */
export const PEERS = { "onnxruntime-node": "1.30.0", "onnxruntime-web": "1.30.0" };

export const peersFolder = fileURLToPath(new URL("fetched", import.meta.url));

/** Returns the version of a peer that lies in the folder, undefined where none does or where it is not the one that is wanted. */
export function fetchedVersion(name) {
  const manifest = join(peersFolder, "node_modules", name, "package.json");
  if (!existsSync(manifest)) return undefined;
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  return version === PEERS[name] ? version : undefined;
}

/** Installs the peers with npm, from the registry that npm is set to. Their install scripts would ask other hosts, and are not run. */
export function fetchPeers() {
  mkdirSync(peersFolder, { recursive: true });
  const manifest = { private: true, dependencies: PEERS };
  writeFileSync(join(peersFolder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  execFileSync("npm", ["install", ...flags], {
    cwd: peersFolder,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  return Object.keys(PEERS).map((name) => ({ name, version: fetchedVersion(name) }));
}

/** Starts a runtime in a process of its own, which takes one request at a time. */
export async function openRuntime(name, { threads = 1 } = {}) {
  const version = fetchedVersion(name);
  if (version === undefined)
    throw new Error(`${name} ${PEERS[name]} is not there: pnpm bench peers fetches it`);
  const child = fork(
    fileURLToPath(new URL("child.js", import.meta.url)),
    [peersFolder, name, String(threads)],
    {
      serialization: "advanced",
      // Opset 27 is newer than those that onnxruntime 1.30 knows as released, which it refuses unless this is set.
      env: { ...process.env, ALLOW_RELEASED_ONNX_OPSET_ONLY: "0" },
    },
  );
  let settle;
  child.on("message", (answer) => settle(answer));
  child.on("exit", (code, signal) =>
    settle?.({ error: `the process of ${name} ended with ${signal ?? code}` }),
  );
  const ask = async (request) => {
    const answer = await new Promise((resolve) => {
      settle = resolve;
      child.send(request, (error) => error && resolve({ error: error.message }));
    });
    if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
    return answer;
  };
  return {
    name,
    version,
    threads,
    load: async (model, feeds) => void (await ask({ model, feeds })),
    call: async (repetitions = 1) => (await ask({ repetitions })).times,
    outputs: async () => (await ask({ outputs: true })).outputs,
    close: () => {
      child.kill();
    },
  };
}
