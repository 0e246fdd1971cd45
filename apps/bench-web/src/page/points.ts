import type { CaseReport, Row } from "@dlrt/bench/harness";
import { counted, epsilons, time } from "./format.js";
import { inWords, rounded } from "./headline.js";

/** What a chart shows of a row. */
export interface Point {
  readonly n: number;
  readonly name: string;
  readonly ms: number | undefined;
  /** In ε. */
  readonly error: number | undefined;
  readonly wrong: boolean;
  readonly limit: number;
  /** A backend of this project, and no other contender. */
  readonly ours: boolean;
  readonly row: Row;
  readonly baseline: string;
}

/** The styles can be told apart on light and on dark ground, and by their symbols too. */
const STYLES: readonly (readonly [name: RegExp, color: string, symbol: string])[] = [
  [/^js/, "#d98200", "circle"],
  [/^wasm relaxed ×/, "#c25fd0", "asterisk"],
  [/^wasm relaxed/, "#3b7de0", "diamond2"],
  [/^wasm ×/, "#8f7bef", "times"],
  [/^wasm/, "#2f9be0", "plus"],
  [/^webgpu/, "#00966b", "triangle"],
  [/^naive/, "#8a8f98", "square"],
  [/^/, "#d7263d", "star"],
];

const styleOf = (name: string) => STYLES.find(([pattern]) => pattern.test(name))!;
export const colorOf = (name: string): string => styleOf(name)[1];
export const symbolOf = (name: string): string => styleOf(name)[2];

export function pointsOf(cases: readonly CaseReport[]): Point[] {
  return cases.flatMap(({ sizes, rows, baseline }) =>
    rows.map((row) => ({
      ...{ n: sizes.n, ms: row.ms?.median, row, baseline },
      name: row.note?.includes("software") ? `${row.name} (software)` : row.name,
      wrong: row.status === "wrong",
      limit: row.error?.limit ?? 16,
      ours: row.kind === "backend",
      error: row.error?.value ?? undefined,
    })),
  );
}

/** A point in words: who, on what, how long, how right. */
export function toldOf({ name, n, row: { ms, error, speedup, name: own }, wrong, baseline }: Point): string {
  const lines = [`${name}, ${counted(n, "token")}`];
  if (ms) lines.push(`${time(ms)} a call`);
  if (speedup && own !== baseline) lines.push(`${rounded(speedup.value)}× ${inWords(baseline)}`);
  if (error) {
    const verdict = wrong ? `wrong: off by ${epsilons(error.value)}` : `right to ${epsilons(error.value)}`;
    lines.push(`${verdict}, at most ${epsilons(error.limit)} is right`);
  }
  return lines.join("\n");
}
