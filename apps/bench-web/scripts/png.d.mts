/** The file with `text` under `keyword` before its end. */
export function withText(png: Buffer, keyword: string, text: string): Buffer;
/** What `withText` put there. */
export function textOf(png: Buffer, keyword: string): string | undefined;
