import { defineConfig } from "vitepress";

export default defineConfig({
  title: "DiagLowRankTril",
  description:
    "T = Λ + tril(Q Kᵀ, −1): solve, multiply, invert and differentiate in O(n r p), on any device JavaScript reaches.",
  srcDir: "pages",
  cleanUrls: false,
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Quickstart", link: "/quickstart" },
      { text: "Reference", link: "/reference/" },
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
          { text: "Gradients", link: "/gradients" },
          { text: "Numerics", link: "/numerics" },
          { text: "Calls of before, now", link: "/migrating" },
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
