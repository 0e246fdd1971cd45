// Sets the equations of the pages, $…$ and $$…$$, while the site is built, so that a reader's browser runs nothing for them. A screen reader
// has the MathML that comes beside what is shown.
import { tex } from "@mdit/plugin-tex";
import katex from "katex";

/** Sets a formula. @throws ParseError with its text, which ends the build, so that no page has a formula that is not set */
export function typeset(source, displayMode = false) {
  const html = katex.renderToString(source, {
    displayMode,
    output: "htmlAndMathml",
    strict: "error",
    throwOnError: true,
  });
  const inert = html.replace("<span", "<span v-pre"); // the pages become Vue templates, in which this must not be taken as code
  return displayMode ? `<div class="equation" tabindex="0">${inert}</div>\n` : inert;
}

/** Adds equations to the Markdown of the pages. */
export function equations(md) {
  md.use(tex, { render: typeset, allowInlineWithSpace: false });
}
