import { figures, isBad } from "../../harness/index.js";
import type { NamedFit, Point, ScalingReport } from "../../scaling/index.js";
import { draw, wrap, type Line } from "./table.js";

const EXPECTED: Readonly<Record<string, string>> = {
  "solve\nform T": "2: T is formed",
  "inverse\nform T": "3: no low rank used",
  "inverse\nnumpy": "3: no low rank used",
  "inverse\n": "2; n r² counts below",
  "solve\n": "1",
};

function fitLine({ sweep, name, exponent, error, sizes }: NamedFit): Line {
  return {
    cells: {
      operation: sweep,
      "": name,
      "time ~ n^": `${exponent.toFixed(2)} ± ${error.toFixed(2)}`,
      theory: EXPECTED[`${sweep}\n${name}`] ?? EXPECTED[`${sweep}\n`] ?? "",
      n: `${Math.min(...sizes)} … ${Math.max(...sizes)}`,
    },
    bad: false,
  };
}

/** GF/s: a line for every chunk, a column for every backend; the fastest chunk of each is marked. */
function chunkTable(points: readonly Point[], colour: boolean): string {
  const chunked = points.filter(({ sweep, gflops }) => sweep === "chunk" && gflops !== undefined);
  const names = [...new Set(chunked.map(({ name }) => name))];
  const most = new Map(
    names.map((name) => [name, Math.max(...chunked.filter((p) => p.name === name).map((p) => p.gflops!))]),
  );
  const lines = [...new Set(chunked.map(({ chunk }) => chunk))].map((chunk): Line => {
    const cells = chunked
      .filter((p) => p.chunk === chunk)
      .map(({ name, gflops }) => [name, `${figures(gflops!)}${gflops === most.get(name) ? " *" : "  "}`]);
    return { cells: { chunk: `${chunk}`, ...Object.fromEntries(cells) }, bad: false };
  });
  return `GF/s of a solve by chunk, * the best\n${draw(["chunk", ...names], lines, colour, [])}`;
}

/** What `bench scaling` prints. */
export function renderScaling(report: ScalingReport, colour: boolean): string {
  const { points, fits, missing, d, workload } = report;
  const wrong = points.filter(isBad);
  const fitColumns = ["operation", "", "time ~ n^", "theory", "n"];
  return [
    wrap(`Scaling on ${workload}, f32, d = ${d}: least squares of log time on log n, ± standard error`),
    fits.length > 0
      ? draw(fitColumns, fits.map(fitLine), colour, ["operation", "", "theory"])
      : "No exponents: these need three sizes, --n 512,1024,2048",
    chunkTable(points, colour),
    ...wrong.map(({ sweep, name, n, status }) =>
      wrap(`${status.toUpperCase()}: ${sweep}, ${name}, n = ${n}`),
    ),
    ...missing.map(({ name, reason }) => wrap(`Not run: ${name}: ${reason}`)),
  ].join("\n");
}
