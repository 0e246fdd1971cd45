import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { textOf } from "./scripts/png.mjs";

const read = (path: string): Buffer => readFileSync(new URL(path, import.meta.url));

/** Where GitHub Pages serve this page, once the root manifest names the repository; sites that show links take no relative address. */
function home(): string {
  const { repository = "" } = JSON.parse(read("../../package.json").toString()) as { repository?: string };
  const [, owner, name] = /github\.com\/([\w-]+)\/([\w.-]+)$/.exec(repository) ?? [];
  return owner === undefined ? "./" : `https://${owner.toLowerCase()}.github.io/${name}/bench/`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** What a site shows beside a link to this page: the words of index.html's head that are in the picture's own text. */
export function headOf(): Plugin {
  return {
    name: "dlrt-head",
    transformIndexHtml(html) {
      const { headline, under, work, foot } = JSON.parse(textOf(read("public/og.png"), "card")!) as Record<
        string,
        string
      >;
      const words: Record<string, string> = {
        ABOUT:
          "How fast JavaScript, WebAssembly and WebGPU run the layers of linear attention, measured and checked " +
          "in your own browser.",
        IMAGE: `${home()}og.png`,
        IMAGE_ALT: `${headline}, ${under}. ${work}. ${foot}`,
      };
      return html.replaceAll(/%DLRT_(\w+)%/g, (_, name: string) => escaped(words[name]!));
    },
  };
}
