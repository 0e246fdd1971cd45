import type { Matrix, Picture, PictureEvent, PictureRequest } from "../protocol.js";
import { byId, element } from "./dom.js";
import { figures } from "./format.js";
import { drawMatrix, largest, type Look, type Region } from "./matrix.js";

interface Panel {
  readonly label: string;
  readonly about: string;
  readonly matrix: Matrix;
  readonly scale: number;
  readonly look: Look;
}

/** Rows [l, e) of chunk `step`, counted from 1. */
function rowsOf({ chunk, t }: Picture, step: number): [l: number, e: number] {
  return [(step - 1) * chunk, Math.min(step * chunk, t.rows)];
}

const chunks = ({ chunk, t }: Picture): number => Math.ceil(t.rows / chunk);

/** What step `step` reads, writes and does not know yet, panel by panel. */
function panels(picture: Picture, step: number): Panel[] {
  const { t, inverse, q, kT, b, y, states } = picture;
  const [l, e] = rowsOf(picture, step);
  const n = t.rows;
  const band = (matrix: Matrix): Region => ({ rows: [l, e], cols: [0, matrix.cols] });
  const later = (matrix: Matrix): Region => ({ rows: [e, n], cols: [0, matrix.cols] });
  const all = ({ rows, cols }: Matrix): Region => ({ rows: [0, rows], cols: [0, cols] });
  const block: Region = { rows: [l, e], cols: [l, e] };
  const [before, after] = [states[step - 1]!, states[step]!];
  const [sizeOfState, sizeOfColumns] = [largest(...states), largest(b, y)];
  const panel = (label: string, about: string, matrix: Matrix, scale: number, look: Look): Panel => ({
    ...{ label, about, matrix, scale, look },
  });
  return [
    panel("T = Λ + tril(Q Kᵀ, −1)", "box: T_cc; dashed: never formed", t, largest(t), {
      strong: [block],
      dashed: [{ rows: [l, e], cols: [0, l] }],
    }),
    panel("T⁻¹", "its rows up to this chunk", inverse, largest(inverse), {
      strong: [block],
      unknown: [later(inverse)],
    }),
    panel("Q", "rows of the chunk", q, largest(q), { strong: [band(q)] }),
    panel("B", "right-hand side", b, sizeOfColumns, { strong: [band(b)] }),
    panel("Y = T⁻¹ B", "solved so far", y, sizeOfColumns, { strong: [band(y)], unknown: [later(y)] }),
    panel("Kᵀ", "dashed: inside Z by now", kT, largest(kT), {
      strong: [{ rows: [0, kT.rows], cols: [l, e] }],
      dashed: [{ rows: [0, kT.rows], cols: [0, l] }],
    }),
    panel("Z before", "the state", before, sizeOfState, { strong: [all(before)] }),
    panel("Z after", "+ K_cᵀ Y_c", after, sizeOfState, { strong: [all(after)] }),
  ];
}

const CELL = 12;
/** Between T and its inverse, which stand side by side on a phone too. */
const BETWEEN = 16;

function draw(picture: Picture, step: number, into: HTMLElement): void {
  const beside = Math.floor((into.clientWidth - BETWEEN) / (2 * picture.t.cols));
  const cell = Math.max(6, Math.min(CELL, beside));
  const figuresOf = panels(picture, step).map(({ label, about, matrix, scale, look }) => {
    const canvas = element("canvas", {
      role: "img",
      "aria-label": `${label}, ${matrix.rows} × ${matrix.cols}: ${about}`,
    });
    const size = element("small", {}, `${matrix.rows}×${matrix.cols}; `, ...subscripted(about));
    const made = element(
      "figure",
      { class: matrix.cols < 12 ? "matrix narrow" : "matrix" },
      element("figcaption", {}, element("b", {}, label), size),
      canvas,
    );
    return { made, paint: () => drawMatrix(canvas, matrix, scale, cell, look) };
  });
  into.replaceChildren(...figuresOf.map(({ made }) => made));
  for (const { paint } of figuresOf) paint();
}

/** "T_cc" with its subscript set as one. */
function subscripted(text: string): (Node | string)[] {
  return text.split(/_([a-z]+)/).map((part, i) => (i % 2 === 1 ? element("sub", {}, part) : part));
}

/** Step `step` in words. */
function tell(picture: Picture, step: number): string {
  const { chunk, q, y } = picture;
  const [l, e] = rowsOf(picture, step);
  const carried = q.cols * y.cols;
  const past =
    l === 0
      ? "There is nothing before it, so Z = 0."
      : `All ${l} rows before it act through Z alone: ${q.cols}×${y.cols} = ${carried} numbers, whatever n is.`;
  return (
    `Chunk ${step} of ${chunks(picture)}, rows ${l + 1} to ${e}: Y_c = T_cc⁻¹ (B_c − Q_c Z) with a ${e - l}×${e - l} ` +
    `block, then Z ← Z + K_cᵀ Y_c. ${past} ` +
    (step === chunks(picture)
      ? `Solved in pieces of ${chunk} rows, max |T Y − B| = ${figures(picture.residual)}.`
      : "")
  );
}

/** The picture's controls, worker and slider. */
export function startPicture(): void {
  const panelsAt = byId("panels", HTMLDivElement);
  const slider = byId("step", HTMLInputElement);
  const words = byId("step-words", HTMLElement);
  const form = byId("picture-form", HTMLFormElement);
  let shown: Picture | undefined;

  const show = (): void => {
    if (shown === undefined) return;
    const step = Number(slider.value);
    const [l, e] = rowsOf(shown, step);
    slider.setAttribute("aria-valuetext", `chunk ${step} of ${chunks(shown)}, rows ${l + 1} to ${e}`);
    words.replaceChildren(...subscripted(tell(shown, step)));
    draw(shown, step, panelsAt);
  };

  const worker = new Worker(new URL("../worker/picture.worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<PictureEvent>) => {
    if (data.type === "failed") {
      words.textContent = `No picture: ${data.message}`;
      return;
    }
    shown = data.picture;
    slider.max = String(chunks(shown));
    slider.value = String(Math.min(Number(slider.value), chunks(shown)));
    show();
  });
  worker.addEventListener("error", ({ message }) => {
    words.textContent = `No picture: ${message || "the worker's script did not load"}`;
  });

  const ask = (): void => {
    const data = new FormData(form);
    const workload = String(data.get("picture-workload")) as PictureRequest["workload"];
    const request: PictureRequest = { workload, chunk: Number(data.get("picture-chunk")) };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
    worker.postMessage(request);
  };
  form.addEventListener("change", ask);
  form.addEventListener("submit", (event) => event.preventDefault());
  slider.addEventListener("input", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  new ResizeObserver(show).observe(panelsAt.parentElement!);
  ask();
}
