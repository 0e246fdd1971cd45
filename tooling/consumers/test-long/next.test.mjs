// Runs a route handler of Next.js, bundled by either of its bundlers, and with the package left as it is. It takes five minutes on two cores
// that do other things too, most of them for the builds of Next.js itself.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { command } from "@dlrt/release/packages";
import { beforeAll, expect, inject, test } from "vitest";
import { npmInstall } from "../install.mjs";
import { ANSWER, IMPORTS, right } from "../programs.mjs";

const user = inject("user");
const folder = join(user, "next-app");
const next = join(user, "node_modules/next/dist/bin/next");
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };

const FILES = {
  "package.json": JSON.stringify({ private: true, type: "module" }),
  "next.config.mjs": `const kind = process.env.DLRT_NEXT;
export default {
  distDir: \`.next-\${kind}\`,
  ...(kind === "external" && { serverExternalPackages: ["@dlrt/backend-wasm"] }),
};`,
  "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;",
  "app/page.js": "export default () => <p>a page</p>;",
  "app/api/route.js": `${IMPORTS()}
export const dynamic = "force-dynamic";
${ANSWER}
export const GET = async () =>
  Response.json([await answer(createWasmBackend, { threads: 2 }), await answer(createWasmBackend, { threads: 1 }), await answer(createJsBackend)]);`,
};

beforeAll(async () => {
  await npmInstall(user, "next@16.4.6", "react@19.2.4", "react-dom@19.2.4");
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
});

/** Starts what was built, and resolves to the answer of GET /api. */
async function answered(kind) {
  const args = [next, "start", "--port", "0", "--hostname", "127.0.0.1"];
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...env, DLRT_NEXT: kind } });
  const said = [];
  try {
    const address = await new Promise((resolve, reject) => {
      const hear = (data) => {
        said.push(data);
        const [, found] = /Local:\s+(http:\S+)[^]*Ready/.exec(said.join("")) ?? [];
        if (found) resolve(found);
      };
      for (const stream of [child.stdout, child.stderr]) stream.on("data", hear);
      child.on("exit", (code) => reject(new Error(`next start ended with ${code}: ${said.join("")}`)));
    });
    return await (await fetch(`${address}/api`)).json();
  } finally {
    child.kill();
  }
}

test.each([
  ["bundled", []],
  ["bundled by webpack", ["--webpack"]],
  ["external", []],
])("a route handler, %s, has its threads", async (kind, flags) => {
  const name = kind.replaceAll(" ", "-");
  await command(process.execPath, [next, "build", ...flags], {
    cwd: folder,
    env: { ...env, DLRT_NEXT: name },
  });
  expect(await answered(name)).toEqual([right("simd+threads (2)"), right("simd"), right("js")]);
});
