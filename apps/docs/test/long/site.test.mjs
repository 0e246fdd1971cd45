import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { PICTURES } from "../../scripts/pictures.mjs";
import { entryPoints } from "../../scripts/reference.mjs";
import { BASE, DIST, DOCS, OTHERS, ownPages } from "./build.mjs";

/** The HTML of the site's own pages, by their paths below its folder. */
const html = new Map(ownPages().map((path) => [`/${path}`, readFileSync(join(DIST, path), "utf8")]));

const ids = (page) => new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
const targetsOf = (page, attribute) =>
  [...page.matchAll(new RegExp(`\\s${attribute}="([^"]+)"`, "g"))].map(([, to]) =>
    to.replaceAll("&amp;", "&"),
  );

/** Returns the page to which an internal link leads, as a static server finds it that has the site in the folder BASE. */
function landing(from, to) {
  if (to === "") return from;
  if (to.startsWith("/") && !to.startsWith(BASE)) return undefined;
  const path = to.startsWith("/") ? `/${to.slice(BASE.length)}` : posix.join(posix.dirname(from), to);
  return [path, `${path}.html`, posix.join(path, "index.html")].find((candidate) => html.has(candidate));
}

test("every page in the sidebar is there, and every entry of every package has its reference", () => {
  const pages = readdirSync(join(DOCS, "pages")).filter((file) => file.endsWith(".md"));
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
      .filter((to) => !OTHERS.some((folder) => to === `${BASE}${folder}/` || to === `./${folder}/`))
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

test.each(OTHERS)("the page of %s is there, linked from every page and the front's actions", (folder) => {
  expect(existsSync(join(DIST, folder, "index.html"))).toBe(true);
  const scripts = targetsOf(readFileSync(join(DIST, folder, "index.html"), "utf8"), "src");
  expect(scripts.length).toBeGreaterThan(0);
  for (const src of scripts) expect(existsSync(join(DIST, folder, src)), src).toBe(true);
  const link = `href="${BASE}${folder}/"`;
  for (const [path, page] of html) if (path !== "/404.html") expect(page, path).toContain(link);
  expect(html.get("/index.html").split(link).length).toBeGreaterThan(2);
});

test("the front page has figures and a program, every page the icon", () => {
  expect(html.get("/index.html")).toMatch(/<strong[^>]*>[\d.]+ ms<\/strong>[\s\S]*gatedDeltaRule/);
  for (const [path, page] of html)
    expect(page, path).toContain(`rel="icon" type="image/svg+xml" href="${BASE}pictures/favicon.svg"`);
});

test("equations are set, and have their MathML for those who listen", () => {
  const pages = readdirSync(join(DOCS, "pages")).filter((file) => file.endsWith(".md"));
  const displayed = (text) => text.match(/^\$\$$/gm)?.length / 2 || 0;
  let all = 0;
  for (const file of pages) {
    const page = html.get(`/${file.replace(/md$/, "html")}`);
    const blocks = displayed(readFileSync(join(DOCS, "pages", file), "utf8"));
    expect(page.match(/<div class="equation"/g)?.length ?? 0, file).toBe(blocks);
    const set = page.match(/<span[^>]* class="katex"|<span class="katex"/g)?.length ?? 0;
    expect(page.match(/<math /g)?.length ?? 0, file).toBe(set);
    expect(page.replace(/<annotation[\s\S]*?<\/annotation>/g, ""), file).not.toMatch(
      /\\(?:operatorname|top|begin)\b/,
    );
    all += set;
  }
  expect(all).toBeGreaterThan(60);
});

test("every picture is drawn, shown and described", () => {
  const shown = [...html.values()].flatMap((page) =>
    [...page.matchAll(/<img[^>]*>/g)].map(([image]) => image),
  );
  for (const name of Object.keys(PICTURES)) {
    expect(existsSync(join(DIST, "pictures", `${name}.svg`))).toBe(true);
    expect(
      shown.some((image) => image.includes(`${BASE}pictures/${name}.svg`)),
      name,
    ).toBe(true);
  }
  // Only the icon beside the title needs no description, since it says no more than the title.
  expect(shown.filter((image) => !/alt="[^"]+"|class="[^"]*\blogo\b/.test(image))).toEqual([]);
  for (const image of shown) {
    const [, src] = /src="([^"]+)"/.exec(image);
    expect(existsSync(join(DIST, src.slice(BASE.length))), src).toBe(true);
  }
});
