// The parts of a README that programs write. Each stands between two HTML comments, which no reader of the page sees.

/** Returns the two markers around the part of this name. */
const markersOf = (name) => [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];

/** @throws Error where the markers are not there, or in the wrong order */
function boundsOf(text, name) {
  const [start, end] = markersOf(name);
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`expected ${start} and ${end}`);
  return [from + start.length, to];
}

/** Returns what stands between the markers of this name. */
export function textBetween(text, name) {
  return text.slice(...boundsOf(text, name)).trim();
}

/** Returns the text with `content` between the markers of this name. */
export function replaceBetween(text, name, content) {
  const [from, to] = boundsOf(text, name);
  return `${text.slice(0, from)}\n\n${content}\n\n${text.slice(to)}`;
}
