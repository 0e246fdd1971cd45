// A page in headless Chromium, served from the user's folder on loopback; what a program printed comes back as Node prints it.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { format } from "node:util";
import { chromium as unpacked } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { WAIT_MS } from "../limits.mjs";
import { publishable, resolveTarget } from "@dlrt/release/packages";

/** The Chromium from the npm registry is built for this alone; elsewhere these tests are skipped. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Serves `folder`; below /isolated/ with the headers that SharedArrayBuffer needs. */
async function serve(folder, pages) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://127.0.0.1");
    const isolated = pathname.startsWith("/isolated/");
    const path = isolated ? pathname.slice("/isolated".length) : pathname;
    const headers = isolated ? ISOLATED : {};
    const file = join(folder, normalize(path));
    if (path === "/worker.js") {
      response.writeHead(200, { ...headers, "content-type": "text/javascript" }).end(WORKER);
    } else if (pages.has(path)) {
      response.writeHead(200, { ...headers, "content-type": "text/html" }).end(pages.get(path));
    } else if (file.startsWith(folder) && existsSync(file) && statSync(file).isFile()) {
      response.writeHead(200, { ...headers, "content-type": TYPES[extname(file)] ?? "text/plain" });
      createReadStream(file).pipe(response);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** "@dlrt/core/host" → "/node_modules/@dlrt/core/dist/host.js", for every entry of every package. */
export function importMap() {
  const imports = publishable().flatMap(({ name, manifest: { exports } }) =>
    Object.entries(exports).flatMap(([path, target]) => {
      const file = resolveTarget(target, ["browser", "import", "default"]);
      return file?.endsWith(".js") ? [[name + path.slice(1), `/node_modules/${name}${file.slice(1)}`]] : [];
    }),
  );
  return { imports: Object.fromEntries(imports) };
}

/** A bundle in classic form has loaded before its top-level awaits are over: programs say themselves when they end. */
const RECORD = `const printed = [];
console.log = (...args) => printed.push(structuredClone(args));
const programEnd = new Promise((resolve) => (globalThis.programEnds = resolve));`;
export const ENDING = "\nglobalThis.programEnds();\n";

/** Page and worker report `{ printed }` or `{ error }` to window.done. */
const BROKEN =
  "(e) => done({ error: String(e.reason?.stack ?? e.error?.stack ?? e.message ?? 'a script did not load') })";
const page = (head, start) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script>${RECORD}
globalThis.finished = new Promise((resolve) => (globalThis.done = resolve));
addEventListener("error", ${BROKEN}, true);
addEventListener("unhandledrejection", ${BROKEN});
</script>${head}
${start}`;

/** A page that loads one bundled module. */
export const modulePage = (src) =>
  page(
    "",
    `<script type="module">await import(${JSON.stringify(src)}); await programEnd; done({ printed });</script>`,
  );

/** A page that loads one bundle in classic form, which finds its other files beside itself. */
export const scriptPage = (src) =>
  page(
    "",
    `<script src="${src}"></script>\n<script type="module">await programEnd; done({ printed });</script>`,
  );

/** A page without a bundler: the program stands in it, imports go through the import map. */
export const plainPage = (code) =>
  page(
    `<script type="importmap">${JSON.stringify(importMap())}</script>`,
    `<script type="module">${code.replaceAll("</script", "<\\/script")}\ndone({ printed });</script>`,
  );

/** A page whose module worker loads one bundled module. Import maps do not reach workers. */
export const workerPage = (src) =>
  page(
    "",
    `<script type="module">
const worker = new Worker("/worker.js?${src}", { type: "module" });
worker.onmessage = ({ data }) => done(data);
worker.onerror = ({ message }) => done({ error: message ?? "the worker did not start" });
</script>`,
  );

const WORKER = `${RECORD}
const broken = (e) => postMessage({ error: String(e?.stack) });
addEventListener("unhandledrejection", ({ reason }) => broken(reason));
import(location.search.slice(1)).then(() => programEnd).then(() => postMessage({ printed }), broken);`;

export async function openBrowser(user) {
  const { executablePath, args, env } = unpacked();
  const pages = new Map();
  const server = await serve(user, pages);
  const origin = `http://127.0.0.1:${server.address().port}`;
  const browser = await chromium.launch({
    executablePath,
    args,
    timeout: WAIT_MS,
    env: { ...process.env, ...env },
  });
  return {
    /** Loads `html` and resolves to what its program printed. */
    async run(html, { isolated = false } = {}) {
      const path = `/page-${pages.size}.html`;
      pages.set(path, html);
      const tab = await browser.newPage();
      tab.setDefaultTimeout(WAIT_MS);
      try {
        await tab.goto(`${origin}${isolated ? "/isolated" : ""}${path}`);
        const { printed, error } = await tab.evaluate(() => globalThis.finished);
        if (error) throw new Error(error);
        return printed.map((line) => format(...line)).join("\n");
      } finally {
        await tab.close();
      }
    },
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
