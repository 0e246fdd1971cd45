// The table of each layer's worst error in packages/linear-attention/README.md. layers-table.mjs writes it, and a test reads it.
import { runLayers } from "@dlrt/conformance";
import { textBetween } from "./markers.mjs";

/** Measures the worst error of output and final state of each layer in f32, relative to the largest element, by the layer's name. */
export async function layerErrors(create) {
  // The work allowed is so large that no size is lowered. From seed 1 the table is the same every time.
  const report = await runLayers(create, { only: ["accuracy › f32"], seed: 1, maxWork: 2 ** 23 });
  if (report.failures.length > 0) throw new Error(report.failures.map(({ message }) => message).join("\n"));
  return new Map(
    report.rows.map(({ operation, worst }) => [operation.replace("accuracy, ", ""), worst * 2 ** -24]),
  );
}

/** Writes the table. @param columns are pairs: the name of a backend, and its errors by layer */
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

/** Reads the table of the README. @returns its columns, as pairs: the name of a backend, and its errors by layer */
export function readTable(text) {
  const rows = textBetween(text, "accuracy")
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
