import { ownMessageOf, visible } from "../text.js";

/** What the caller got wrong; its message is one line. */
export class WrongUsage extends Error {}

/** The first line of what was thrown. */
export function lineOf(error: unknown): string {
  return visible(ownMessageOf(error).split("\n", 1)[0]!);
}
