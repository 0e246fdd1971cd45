import DefaultTheme from "vitepress/theme";
import "katex/dist/katex.min.css";
import Layout from "./Layout.vue";
import "./style.css";

export default { extends: DefaultTheme, Layout };
