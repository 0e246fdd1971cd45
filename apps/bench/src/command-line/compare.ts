import {
  decayWords,
  figures,
  isBad,
  ratioOf,
  SCHEMA,
  type CaseReport,
  type Ratio,
  type Report,
  type Row,
} from "../harness/index.js";
import { readSaved } from "./saved.js";
import { draw, interval, wrap, type Line } from "./text/table.js";

export interface Change {
  readonly case: string;
  readonly name: string;
  readonly before: number | Row["status"] | "absent";
  readonly after: number | Row["status"] | "absent";
  /** How many times as fast as before; where both runs have the baseline, of the ratios to it. */
  readonly ratio?: Ratio;
  readonly verdict: "faster" | "slower" | "within noise" | "too few samples" | "same" | "changed";
}

/** A ratio within this of 1 is no change, however small the noise. */
const TOLERANCE = 0.03;

/** @throws Error when the file is no report of this bench */
export function readReport(path: string): Report {
  return readSaved<Report>("compare", path, [SCHEMA]);
}

function caseName(report: CaseReport): string {
  const { workload, operation, dtype, sizes, chunk } = report;
  const { batch, n, r, p } = sizes;
  const size = `n=${n} d=${r}${p === r ? "" : ` p=${p}`} ×${batch}`;
  const rest = [chunk ? `c=${chunk}` : "", decayWords(report)].filter(Boolean);
  return [operation, workload, dtype, size, ...rest].join(" ");
}

function verdictOf({ low, high }: Ratio): Change["verdict"] {
  if (low === undefined || high === undefined) return "too few samples";
  if (low > 1 + TOLERANCE) return "faster";
  return high < 1 - TOLERANCE ? "slower" : "within noise";
}

type Rows = ReadonlyMap<string, Row>;

function change(name: string, where: string, before: CaseReport | undefined, after: CaseReport): Change {
  const byName = (report: CaseReport | undefined): Rows =>
    new Map(report?.rows.map((row) => [row.name, row]));
  const [old, now] = [byName(before), byName(after)];
  const [a, b] = [old.get(name), now.get(name)];
  const shown = (row: Row | undefined): Change["before"] => row?.ms?.median ?? row?.status ?? "absent";
  const base = { case: where, name, before: shown(a), after: shown(b) };
  if (!a?.ms || !b?.ms) return { ...base, verdict: base.before === base.after ? "same" : "changed" };
  const [oldBase, nowBase] = [old.get(after.baseline)?.ms, now.get(after.baseline)?.ms];
  const drift = oldBase && nowBase && name !== after.baseline;
  const ratio = drift
    ? ratioOf([a.ms.samples, nowBase.samples], [b.ms.samples, oldBase.samples])
    : ratioOf([a.ms.samples], [b.ms.samples]);
  return { ...base, ratio, verdict: verdictOf(ratio) };
}

/** Every contender of every case that both reports have, or that this one has. */
export function compare(before: Report, after: Report): Change[] {
  const old = new Map(before.cases.map((report) => [caseName(report), report]));
  return after.cases.flatMap((report) => {
    const where = caseName(report);
    const earlier = old.get(where);
    const names = new Set([...report.rows, ...(earlier?.rows ?? [])].map(({ name }) => name));
    return earlier ? [...names].map((name) => change(name, where, earlier, report)) : [];
  });
}

function differences(before: Report, after: Report): string[] {
  const facts = ({ machine, versions }: Report): Record<string, string | number | undefined> => ({
    CPU: machine.cpu,
    cores: machine.cores,
    Node: versions["node"],
  });
  const [a, b] = [facts(before), facts(after)];
  return Object.keys(a)
    .filter((key) => a[key] !== b[key])
    .map((key) => `${key}: ${a[key]} before, ${b[key]} now`);
}

const shownTime = (x: Change["before"]): string => (typeof x === "number" ? `${figures(x)} ms` : x);

function line({ name, before, after, ratio, verdict }: Change): Line {
  return {
    cells: {
      "": name,
      before: shownTime(before),
      now: shownTime(after),
      "× as fast": ratio ? interval(ratio) : "",
      " ": verdict,
    },
    bad: verdict === "slower" || (verdict === "changed" && isBad({ status: String(after) })),
  };
}

/** What `bench compare` prints. */
export function renderChanges(before: Report, after: Report, colour: boolean): string {
  const changes = compare(before, after);
  const columns = ["", "before", "now", "× as fast", " "];
  const head = wrap(`Compared with ${before.started}, commit ${before.commit ?? "unknown"}`);
  if (changes.length === 0) return `${head}: no case is in both`;
  const about =
    "× as fast: relative to the baseline of each run where both have it, so that a slower machine is no change; " +
    `faster or slower when the 95 % interval lies more than ${100 * TOLERANCE} % beside 1.`;
  return [
    head,
    ...differences(before, after),
    draw(columns, changes.map(line), colour, ["", " "]),
    wrap(about),
  ].join("\n");
}
