// What was measured as a table of the README of @dlrt/linear-attention, between its markers.
import { convGroups } from "./conv.js";
import { kin } from "./kin.js";
import { measureKin, measureOperator } from "./measure.js";
import { operatorGroups } from "./operator.js";

export const [START, END] = ["<!-- agreement:start -->", "<!-- agreement:end -->"];

const groups = [...operatorGroups, ...convGroups];

/** Groups that a runtime can run: the web build takes no opset newer than those it knows as released. */
export const groupsFor = (name) =>
  groups.filter(({ domain }) => domain !== "" || name === "onnxruntime-node");

const most = (numbers) => Math.max(...numbers);

/** Every case on one runtime: { title, cases, apart: { js, wasm }, theirError } a row, layers last. */
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
 * @param {{ runtime: string, rows: object[] }[]} runs of runtimes, by name and version; the first has every row
 * @param {string[]} names of the backends
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

/** The text with what stands between the markers replaced. */
export function replaced(text, table) {
  const [from, to] = [text.indexOf(START), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`expected ${START} and ${END}`);
  return `${text.slice(0, from)}${START}\n\n${table}\n\n${text.slice(to)}`;
}
