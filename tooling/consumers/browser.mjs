// Runs programs in pages of a headless Chromium, which a server on loopback serves from the user's folder. What a program prints comes back
// as Node prints it.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { format } from "node:util";
import { chromium as unpacked } from "@dlrt/swiftshader";
import { chromium } from "playwright-core";
import { WAIT_MS } from "../limits.mjs";
import { publishable, resolveTarget } from "@dlrt/release/packages";

export { hasChromium } from "@dlrt/swiftshader";

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

/** The headers of what is below /open/, with which pages of other origins may import it, as from a public server. */
const OPEN = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };

/** Returns a module as a public server sends it, with addresses in place of names, which a browser cannot resolve by itself. */
function addressed(code, base) {
  const { imports } = importMap(base);
  return code.replace(/(\bfrom\s*|\bimport\s*\(?\s*)"(@dlrt\/[^"]+)"/g, (whole, before, name) =>
    name in imports ? `${before}"${imports[name]}"` : whole,
  );
}

/**
 * Serves `folder`. Below /isolated/ it has the headers that SharedArrayBuffer needs; below /open/ it is for every origin and has names
 * resolved.
 * @param pages maps paths to { body, headers }, and goes before files
 */
async function serve(folder, pages) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://127.0.0.1");
    const [, prefix = "", path] = /^(\/isolated|\/open)?(\/.*)$/.exec(pathname);
    const headers = { "/isolated": ISOLATED, "/open": OPEN }[prefix] ?? {};
    const file = join(folder, normalize(path));
    const page = pages.get(path);
    if (path === "/worker.js") {
      response.writeHead(200, { ...headers, "content-type": "text/javascript" }).end(WORKER);
    } else if (page) {
      response.writeHead(200, { ...headers, "content-type": "text/html", ...page.headers }).end(page.body);
    } else if (file.startsWith(folder) && existsSync(file) && statSync(file).isFile()) {
      response.writeHead(200, { ...headers, "content-type": TYPES[extname(file)] ?? "text/plain" });
      if (prefix === "/open" && /\.m?js$/.test(file))
        response.end(addressed(readFileSync(file, "utf8"), prefix));
      else createReadStream(file).pipe(response);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Returns an import map of all entries, such as "@dlrt/core/host" to `base` + "/node_modules/@dlrt/core/dist/host.js". */
export function importMap(base = "") {
  const imports = publishable().flatMap(({ name, manifest: { exports } }) =>
    Object.entries(exports).flatMap(([path, target]) => {
      const file = resolveTarget(target, ["browser", "import", "default"]);
      return file?.endsWith(".js")
        ? [[name + path.slice(1), `${base}/node_modules/${name}${file.slice(1)}`]]
        : [];
    }),
  );
  return { imports: Object.fromEntries(imports) };
}

/** Records what a program prints. A bundle in classic form has loaded before its top-level awaits are over, so programs say when they end. */
const RECORD = `const printed = [];
console.log = (...args) => printed.push(structuredClone(args));
const programEnd = new Promise((resolve) => (globalThis.programEnds = resolve));`;
export const ENDING = "\nglobalThis.programEnds();\n";

/** Reports an error to `window.done`. Pages and workers report `{ printed }` or `{ error }` to it. */
const BROKEN =
  "(e) => done({ error: String(e.reason?.stack ?? e.error?.stack ?? e.message ?? 'a script did not load') })";
const page = (head, start) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script>${RECORD}
globalThis.finished = new Promise((resolve) => (globalThis.done = resolve));
addEventListener("error", ${BROKEN}, true);
addEventListener("unhandledrejection", ${BROKEN});
</script>${head}
${start}`;

/** Returns a page that loads a bundled module. */
export const modulePage = (src) =>
  page(
    "",
    `<script type="module">await import(${JSON.stringify(src)}); await programEnd; done({ printed });</script>`,
  );

/** Returns a page that loads a bundle in classic form, which finds its other files beside itself. */
export const scriptPage = (src) =>
  page(
    "",
    `<script src="${src}"></script>\n<script type="module">await programEnd; done({ printed });</script>`,
  );

/** Returns a page that needs no bundler: it holds the program, and an import map by which imports resolve, below `base` where that is given. */
export const plainPage = (code, base) =>
  page(
    `<script type="importmap">${JSON.stringify(importMap(base))}</script>`,
    `<script type="module">${code.replaceAll("</script", "<\\/script")}\ndone({ printed });</script>`,
  );

/** Returns a page whose module worker loads a bundled module. Import maps do not reach workers. */
export const workerPage = (src) =>
  page(
    "",
    `<script type="module">
const worker = new Worker("/worker.js?${src}", { type: "module" });
worker.onmessage = ({ data }) => done(data);
worker.onerror = ({ message }) => done({ error: message ?? "the worker did not start" });
</script>`,
  );

/** Returns a page that starts the script at `src` as a service worker, and asks it for what its program printed. */
export const serviceWorkerPage = (src) =>
  page(
    "",
    `<script type="module">
const { installing, active } = await navigator.serviceWorker.register("${src}", { type: "module" });
const { port1, port2 } = new MessageChannel();
port1.onmessage = ({ data }) => done(data);
(installing ?? active).postMessage("begin", [port2]);
</script>`,
  );

/** Returns the script of a service worker, which has imports first and runs `main` when the page asks. */
export const serviceWorker = (imports, main) => `${imports}
${RECORD}
addEventListener("message", ({ ports: [port] }) => {
  main().then(() => port.postMessage({ printed }), (error) => port.postMessage({ error: String(error?.stack) }));
});
async function main() {
${main}
}`;

const WORKER = `${RECORD}
const broken = (e) => postMessage({ error: String(e?.stack) });
addEventListener("unhandledrejection", ({ reason }) => broken(reason));
import(location.search.slice(1)).then(() => programEnd).then(() => postMessage({ printed }), broken);`;

/** Starts the server and the browser. @param user is the folder with the installed packages */
export async function openBrowser(user) {
  const pages = new Map();
  const server = await serve(user, pages);
  const { port } = server.address();
  const origin = `http://127.0.0.1:${port}`;
  const browser = await chromium.launch({ ...unpacked(), timeout: WAIT_MS });
  return {
    /** Where the same files are on another origin than that of the pages, which is 127.0.0.1. */
    elsewhere: `http://localhost:${port}/open`,
    /** Serves a script. @returns its path */
    script(body) {
      const path = `/script-${pages.size}.js`;
      pages.set(path, { body, headers: { "content-type": "text/javascript" } });
      return path;
    },
    /** Loads a page, and resolves to what its program printed. @throws Error with what its program threw */
    async run(html, { isolated = false, headers = {} } = {}) {
      const path = `/page-${pages.size}.html`;
      pages.set(path, { body: html, headers });
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
