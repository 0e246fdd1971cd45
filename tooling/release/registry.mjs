// Runs a registry on loopback. Our packages are published to it, and it fetches all others from where this machine installs from.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WAIT_MS } from "../limits.mjs";
import { command } from "./packages.mjs";

const require = createRequire(import.meta.url);

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function configuration(folder, uplink) {
  const anybody = { access: "$all", publish: "$all", unpublish: "$all" };
  return {
    storage: join(folder, "storage"),
    uplinks: { configured: { url: uplink, timeout: "60s", maxage: "1h" } },
    packages: { "@dlrt/*": anybody, "**": { access: "$all", proxy: "configured" } },
    auth: { htpasswd: { file: join(folder, "htpasswd"), max_users: -1 } },
    web: { enable: false },
    max_body_size: "100mb",
    log: { type: "stdout", format: "pretty", level: "warn" },
  };
}

async function untilAnswering(url, child) {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`verdaccio ended with ${child.exitCode}`);
    try {
      if ((await fetch(`${url}-/ping`)).ok) return;
    } catch {
      // not listening yet
    }
  }
  throw new Error(`verdaccio did not answer within ${WAIT_MS / 1000} s`);
}

/** Starts verdaccio below `folder`. With the returned `env`, npm and pnpm use it, and nothing of the user's own settings. */
export async function startRegistry(folder) {
  mkdirSync(folder, { recursive: true });
  const uplink = (await command("npm", ["config", "get", "registry"], { cwd: folder })).trim();
  const configFile = join(folder, "verdaccio.json");
  writeFileSync(configFile, JSON.stringify(configuration(folder, uplink)));

  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const userconfig = join(folder, "npmrc");
  // The clients insist on a token, which this registry does not need.
  writeFileSync(userconfig, `registry=${url}\n//127.0.0.1:${port}/:_authToken=loopback\n`);

  const entry = join(require.resolve("verdaccio/package.json"), "..", "bin", "verdaccio");
  const child = spawn(process.execPath, [entry, "--config", configFile, "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = createWriteStream(join(folder, "log.txt"));
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const stop = async () => {
    if (child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await gone;
  };
  try {
    await untilAnswering(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  const env = {
    npm_config_registry: url,
    pnpm_config_registry: url,
    npm_config_userconfig: userconfig,
    NPM_CONFIG_USERCONFIG: userconfig,
    npm_config_provenance: "false",
  };
  /** Returns the registry's record of a package, with `versions` and `dist-tags`. */
  const record = async (name) => {
    const response = await fetch(url + name.replace("/", "%2f"));
    if (!response.ok) throw new Error(`${name}: the registry answers ${response.status}`);
    return response.json();
  };
  return { url, env, record, stop };
}
