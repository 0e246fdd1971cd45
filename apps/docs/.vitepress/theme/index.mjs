import { h } from "vue";
import DefaultTheme from "vitepress/theme";
import "katex/dist/katex.min.css";
import Figures from "./Figures.vue";
import "./style.css";

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { "home-features-before": () => h(Figures) }),
};
