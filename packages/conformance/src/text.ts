/** Text that a backend had a say in: made from anything, shown without harm. */

/** `describe()`, or what could be said where describing itself throws. */
function attempt(describe: () => string): string {
  try {
    return describe();
  } catch {
    return "a value that cannot be shown";
  }
}

/** Any value as text. Never throws: not for symbols, objects without a prototype, revoked proxies. */
export function textOf(value: unknown): string {
  return attempt(() => String(value));
}

/** How many errors of a chain of causes are told. */
const MOST_CAUSES = 8;

function chainOf(error: unknown): string[] {
  const seen = new Set<unknown>();
  const messages: string[] = [];
  try {
    for (
      let one = error;
      one instanceof Error && !seen.has(one) && seen.size < MOST_CAUSES;
      one = one.cause
    ) {
      seen.add(one);
      const failed = one;
      messages.push(attempt(() => textOf(failed.message)));
    }
  } catch {
    // A cause that cannot be asked for ends the chain.
  }
  return messages;
}

/** The message of an error alone; of anything else, what it is. Never throws. */
export function ownMessageOf(error: unknown): string {
  return chainOf(error)[0] ?? textOf(error);
}

/**
 * What went wrong: the message of an error, and before it those of its causes; for a property the first is what its
 * smallest counterexample met. Never throws, whatever was thrown and however its causes run in circles.
 */
export function messageOf(error: unknown): string {
  const [own, cause, ...deeper] = chainOf(error);
  if (own === undefined) return textOf(error);
  return [...(cause === undefined ? [] : [cause]), ...deeper.map((one) => `cause: ${one}`), own].join("\n");
}

/** Control characters, line ends among them, and those that turn the direction of writing. */
const UNSEEN = /[\p{Cc}\p{Cs}\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/gu;

/** One line for a terminal: what would move the cursor, change colours or end the line is written out, as \u001b. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** One line of Markdown, or a cell of a table, that shows `text` itself: no markup, no HTML, no further cell. */
export function markdownText(text: string): string {
  return visible(text.replace(/\s+/g, " "))
    .replace(/[\\`*_[\]|~]/g, "\\$&")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;");
}
