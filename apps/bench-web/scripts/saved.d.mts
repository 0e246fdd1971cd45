import type { Card } from "../src/share/card.js";

/** What the newest report of a default run says of a long prompt, as a picture's contents. */
export function savedCard(): Promise<Card>;
