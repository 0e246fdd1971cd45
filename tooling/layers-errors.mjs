// The table of each layer's worst error, as packages/linear-attention/README.md has it: written by layers-table.mjs, read by a test.
import { runLayers } from "@dlrt/conformance";

export const [START, END] = ["<!-- accuracy:start -->", "<!-- accuracy:end -->"];

/** Worst error of output and final state of each layer in f32, relative to the largest element, by the layer's name. */
export async function layerErrors(create) {
  // Large enough that no size is lowered; from seed 1, the same table every time.
  const report = await runLayers(create, { only: ["accuracy › f32"], seed: 1, maxWork: 2 ** 23 });
  if (report.failures.length > 0) throw new Error(report.failures.map(({ message }) => message).join("\n"));
  return new Map(
    report.rows.map(({ operation, worst }) => [operation.replace("accuracy, ", ""), worst * 2 ** -24]),
  );
}

/** @param columns [name of the backend, its errors] */
export function tableOf(columns) {
  const names = [...columns[0][1].keys()];
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(["layer", ...columns.map(([name]) => name)]),
    line(["---", ...columns.map(() => "---:")]),
    ...names.map((name) =>
      line([`\`${name}\``, ...columns.map(([, errors]) => errors.get(name).toExponential(1))]),
    ),
  ].join("\n");
}

/** The table's names and numbers by column. @returns [name of the backend, its errors] */
export function readTable(text) {
  const [from, to] = [text.indexOf(START), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`expected ${START} and ${END}`);
  const rows = text
    .slice(from + START.length, to)
    .trim()
    .split("\n")
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [head, , ...lines] = rows;
  return head
    .slice(1)
    .map((name, at) => [
      name,
      new Map(lines.map((cells) => [cells[0].replaceAll("`", ""), Number(cells[at + 1])])),
    ]);
}
