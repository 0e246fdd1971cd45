import type { CaseReport, Row } from "@dlrt/bench/harness";
import { counted, figures, interval, short } from "./format.js";
import { workOf } from "./table.js";

/** What of a run can be told to others in a sentence. */
export interface Headline {
  /** "solve, random, f32" */
  readonly work: string;
  readonly name: string;
  /** "5.64 ms" */
  readonly time: string;
  /** "2,048 tokens × 4 heads of 64" */
  readonly size: string;
  /** "72× plain JavaScript"; absent where there is nothing to compare with. */
  readonly times: string | undefined;
  /** "61–79× with 95 % confidence" */
  readonly between: string | undefined;
  /** "right to 0.87 ε" */
  readonly right: string;
}

export const PLAIN = "naive-js";

/** A contender's name for those who do not know this bench. */
export const inWords = (name: string): string => (name === PLAIN ? "plain JavaScript" : name);

/** Two figures: a ratio of one run tells no more. */
export const rounded = (value: number): string => figures(Number(short(value).toPrecision(2)));

/** "4,096 tokens × 8 heads of 64" */
export const sizeOf = ({ sizes: { n, batch, r } }: Pick<CaseReport, "sizes">): string =>
  `${counted(n, "token")} × ${counted(batch, "head")} of ${r}`;

/** Returns the fastest backend of ours whose answer to the case was right. */
function best({ rows }: CaseReport): Row | undefined {
  const ours = rows.filter(({ kind, ms }) => kind === "backend" && ms !== undefined);
  return ours.reduce<Row | undefined>(
    (found, row) => (found === undefined || row.ms!.median < found.ms!.median ? row : found),
    undefined,
  );
}

/** The largest case that one of ours has answered rightly. */
export const largestRight = (cases: readonly CaseReport[]): CaseReport | undefined =>
  cases
    .filter((one) => best(one) !== undefined)
    .toSorted((a, b) => b.sizes.n - a.sizes.n)
    .at(0);

/** What can be told of that case. */
export function headlineOf(cases: readonly CaseReport[]): Headline | undefined {
  const largest = largestRight(cases);
  if (largest === undefined) return undefined;
  const { name, ms, error, speedup } = best(largest)!;
  const { baseline, dtype } = largest;
  const compared = speedup !== undefined && baseline !== name;
  const ends = compared ? interval(speedup) : "";
  return {
    work: `${workOf(largest)}, ${dtype}`,
    name,
    time: `${figures(ms!.median)} ms`,
    size: sizeOf(largest),
    times: compared ? `${rounded(speedup.value)}× ${inWords(baseline)}` : undefined,
    between: ends === "" ? undefined : `${ends}× with 95 % confidence`,
    right: `right to ${rounded(error!.value!)} ε`,
  };
}
