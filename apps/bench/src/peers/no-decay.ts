import type { Problem } from "../harness/index.js";

/** What a peer says to a problem with decay where its algorithm, or the library it runs in, has none; else undefined. */
export const noDecay = ({ decay }: Problem): string | undefined => decay && "computes without decay";
