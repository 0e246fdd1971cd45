import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { PICTURES } from "../../scripts/pictures.mjs";
import { entryPoints } from "../../scripts/reference.mjs";

const docs = fileURLToPath(new URL("../../", import.meta.url));
const dist = join(docs, ".vitepress/dist");
const html = new Map();

beforeAll(() => {
  const vitepress = join(
    dirname(createRequire(import.meta.url).resolve("vitepress/package.json")),
    "bin/vitepress.js",
  );
  const options = {
    cwd: docs,
    stdio: "pipe",
    env: { ...process.env, NODE_ENV: "production", VITEST: undefined },
  };
  execFileSync(process.execPath, [join(docs, "scripts/prepare.mjs")], options);
  execFileSync(process.execPath, [vitepress, "build", "."], options);
  for (const file of readdirSync(dist, { recursive: true })) {
    const path = file.replaceAll("\\", "/");
    if (path.endsWith(".html")) html.set(`/${path}`, readFileSync(join(dist, file), "utf8"));
  }
});

const ids = (page) => new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
const targetsOf = (page, attribute) =>
  [...page.matchAll(new RegExp(`\\s${attribute}="([^"]+)"`, "g"))].map(([, to]) =>
    to.replaceAll("&amp;", "&"),
  );

/** The page an internal link leads to, as a static server finds it. */
function landing(from, to) {
  const path = posix.join(
    posix.dirname(from),
    to.startsWith("/") ? posix.relative(posix.dirname(from), to) : to,
  );
  if (to === "") return from;
  return [path, `${path}.html`, posix.join(path, "index.html")].find((candidate) => html.has(candidate));
}

test("every page in the sidebar is there, and every entry of every package has its reference", () => {
  const pages = readdirSync(join(docs, "pages")).filter((file) => file.endsWith(".md"));
  expect([...html.keys()]).toEqual(
    expect.arrayContaining(pages.map((page) => `/${page.replace(/md$/, "html")}`)),
  );
  const reference = [...html.keys()].filter((path) => path.startsWith("/reference/"));
  for (const entry of entryPoints()) {
    const name = entry.replace("@dlrt/", "/reference/");
    expect(
      reference.some((path) => path === `${name}.html` || path === `${name}/index.html`),
      entry,
    ).toBe(true);
  }
});

test("every internal link leads to a page, and every anchor to an element", () => {
  const broken = [...html].flatMap(([from, page]) =>
    targetsOf(page, "href")
      .filter((to) => !/^[a-z]+:|^\/\//.test(to) && !/\.(css|js|svg|png|woff2|ico)$/.test(to.split("#")[0]))
      .filter((to) => {
        const [path, anchor] = to.split("#");
        const target = landing(from, path);
        return !target || (anchor && !ids(html.get(target)).has(decodeURIComponent(anchor)));
      })
      .map((to) => `${from}: ${to}`),
  );
  expect(html.size).toBeGreaterThan(10);
  expect(broken).toEqual([]);
});

test("every picture is drawn, shown and described", () => {
  const shown = [...html.values()].flatMap((page) =>
    [...page.matchAll(/<img[^>]*>/g)].map(([image]) => image),
  );
  for (const name of Object.keys(PICTURES)) {
    expect(existsSync(join(dist, "pictures", `${name}.svg`))).toBe(true);
    expect(
      shown.some((image) => image.includes(`/pictures/${name}.svg`)),
      name,
    ).toBe(true);
  }
  expect(shown.filter((image) => !/alt="[^"]+"/.test(image))).toEqual([]);
  for (const image of shown) {
    const [, src] = /src="([^"]+)"/.exec(image);
    expect(existsSync(join(dist, src)), src).toBe(true);
  }
});
