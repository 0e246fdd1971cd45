// Equations: $…$ and $$…$$ of the pages, set while the site is built. A reader's browser runs nothing for them; a screen reader
// has the MathML that comes beside what is shown.
import { tex } from "@mdit/plugin-tex";
import katex from "katex";

/** @throws ParseError with the formula's text, which ends the build: nothing unset reaches a page */
export function typeset(source, displayMode = false) {
  const html = katex.renderToString(source, {
    displayMode,
    output: "htmlAndMathml",
    strict: "error",
    throwOnError: true,
  });
  const inert = html.replace("<span", "<span v-pre"); // the pages become Vue templates, in which this is no program
  return displayMode ? `<div class="equation" tabindex="0">${inert}</div>\n` : inert;
}

export function equations(md) {
  md.use(tex, { render: typeset, allowInlineWithSpace: false });
}
