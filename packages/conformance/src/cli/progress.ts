import type { Outcome } from "./messages.js";

type OnCase = (title: string, outcome: Outcome) => void;

/** Shows one line that changes, on a terminal, and nothing in a pipe. `end` wipes the line. */
export function progress(total: number, stream: NodeJS.WriteStream): { onCase: OnCase; end: () => void } {
  if (!stream.isTTY) return { onCase: () => {}, end: () => {} };
  let done = 0;
  const show = (text: string): void => void stream.write(`\r\u001B[K${text}`);
  show(`0/${total}`);
  return {
    onCase: (title, outcome) => {
      done++;
      if (outcome === "failed") show(`FAILED ${title}\n`);
      show(`${done}/${total} ${title}`.slice(0, (stream.columns || 80) - 1));
    },
    end: () => show(""),
  };
}
