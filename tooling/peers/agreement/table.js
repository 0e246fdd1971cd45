// Measures all cases, and makes the table of the README of @dlrt/linear-attention from them.
import { convGroups } from "./conv.js";
import { kin } from "./kin.js";
import { measureKin, measureOperator } from "./measure.js";
import { operatorGroups } from "./operator.js";

const groups = [...operatorGroups, ...convGroups];

/** Returns the groups that a runtime can run. The web build takes no opset that it does not know as released. */
export const groupsFor = (name) =>
  groups.filter(({ domain }) => domain !== "" || name === "onnxruntime-node");

const most = (numbers) => Math.max(...numbers);

/** Measures every case on one runtime. Each row has { title, cases, apart: { js, wasm }, error, theirError, measured }; layers come last. */
export async function rowsOf(runtime, backends) {
  const rows = [];
  const worstOf = (measured, what) =>
    Object.fromEntries(
      Object.keys(backends).map((name) => [name, most(measured.map((one) => one[what][name]))]),
    );
  for (const { name: title, domain, cases } of groupsFor(runtime.name)) {
    const measured = [];
    for (const one of cases()) measured.push(await measureOperator(runtime, backends, one, domain));
    rows.push({
      title,
      cases: measured.length,
      apart: worstOf(measured, "apart"),
      error: worstOf(measured, "error"),
      theirError: most(measured.map((one) => one.theirError)),
      measured,
    });
  }
  for (const one of kin) {
    const measured = [await measureKin(runtime, backends, one)];
    rows.push({ title: titleOfKin(one), cases: 1, apart: worstOf(measured, "apart"), measured });
  }
  return rows;
}

const titleOfKin = ({ name, attributes }) =>
  `\`${name.replace(",", "`,")}${name.includes(",") ? "" : "`"} by \`${attributes.update_rule}\``;

export const rowTitles = [...groups.map(({ name }) => name), ...kin.map(titleOfKin)];

const digits = (x) => (x === undefined ? "–" : x === 0 ? "0" : x.toExponential(1));

const bare = (runtime) => runtime.replace(/ .*/, "");

/**
 * Writes the table.
 * @param {{ runtime: string, rows: object[] }[]} runs are those of the runtimes, by name and version; the first has every row
 * @param {string[]} names are those of the backends
 */
export function tableOf(runs, names) {
  const [first] = runs;
  const header = [
    "worst distance",
    "cases",
    ...runs.flatMap(({ runtime }) => names.map((name) => `${name}, ${bare(runtime)}`)),
    `${bare(first.runtime)}, float64`,
    ...names.map((name) => `${name}, float64`),
  ];
  const lines = first.rows.map(({ title, cases, theirError, error }) => {
    const cells = runs.flatMap(({ rows }) => {
      const row = rows.find((other) => other.title === title);
      return names.map((name) => digits(row?.apart[name]));
    });
    const exact = [theirError, ...names.map((name) => error?.[name])].map(digits);
    return [title, cases, ...cells, ...exact];
  });
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = ["---", ...header.slice(1).map(() => "---:")];
  const versions = `With ${runs.map(({ runtime }) => runtime).join(" and ")}.`;
  return [versions, "", ...[header, rule, ...lines].map(line)].join("\n");
}
