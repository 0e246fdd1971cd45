import { defineConfig } from "vitepress";
import { equations } from "./math.mjs";
import { REPOSITORY, baseOf } from "./site.mjs";

const base = baseOf();

/** The bench and the example are pages of their own, which VitePress must not look for among the site's. */
const BENCH = { link: "/bench/", target: "_self" };
const RECALL = { link: "/recall/", target: "_self" };

export default defineConfig({
  title: "DiagLowRankTril",
  description:
    "T = Λ + tril(Q Kᵀ, −1): solve, multiply, invert and differentiate in O(n r p), on any device JavaScript reaches.",
  base,
  srcDir: "pages",
  cleanUrls: false,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${base}pictures/favicon.svg` }]],
  markdown: { config: equations },
  transformPageData(page) {
    const { actions } = page.frontmatter.hero ?? {};
    if (actions === undefined) return;
    actions.push({ theme: "alt", text: "Measure it in this browser", ...BENCH });
    actions.push({ theme: "alt", text: "See a model learn", ...RECALL });
    if (REPOSITORY) actions.push({ theme: "alt", text: "Repository", link: REPOSITORY });
  },
  themeConfig: {
    logo: "/pictures/favicon.svg",
    search: { provider: "local" },
    outline: [2, 3],
    socialLinks: REPOSITORY ? [{ icon: "github", link: REPOSITORY }] : undefined,
    nav: [
      { text: "Quickstart", link: "/quickstart" },
      { text: "Reference", link: "/reference/" },
      { text: "Bench", ...BENCH },
      { text: "Example", ...RECALL },
    ],
    sidebar: [
      {
        text: "Use it",
        items: [
          { text: "What T is, and why", link: "/what-and-why" },
          { text: "Quickstart", link: "/quickstart" },
          { text: "From a model to a call", link: "/models" },
          { text: "Layers as operators", link: "/layers" },
          { text: "Choose a backend", link: "/choosing" },
          { text: "Stream a sequence", link: "/streaming" },
          { text: "Run", link: "/run" },
          { text: "Train", link: "/train" },
          { text: "Gradients", link: "/gradients" },
          { text: "Bridges", link: "/bridges" },
          { text: "Numerics", link: "/numerics" },
        ],
      },
      {
        text: "Extend it",
        items: [
          { text: "Write a backend", link: "/writing-a-backend" },
          { text: "Releasing", link: "/releasing" },
        ],
      },
      { text: "API reference", link: "/reference/" },
    ],
  },
});
