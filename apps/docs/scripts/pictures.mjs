// Draws the pictures of the site, from the equations themselves.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BLUE, MUTED, ORANGE, arrow, heat, line, picture, rect, tag, text } from "./svg.mjs";

const OUT = fileURLToPath(new URL("../pages/public/pictures/", import.meta.url));
/** The width of the pictures with labels, in their own units. It is little more than the 342 px that a page has on a phone. */
const WIDTH = 392;
const orange = `rgb(${ORANGE})`;
const blue = `rgb(${BLUE})`;

/** Returns the T of one small head of DeltaNet and its parts, with unit keys that drift, as neighbouring tokens do, and β from 0 to 1. */
function example(n, r) {
  const k = Array.from({ length: n }, (_, i) => {
    const row = Array.from({ length: r }, (__, j) => Math.sin(1.3 * j * j + 0.35 * i * (j + 1) + j));
    const norm = Math.hypot(...row);
    return row.map((x) => x / norm);
  });
  const beta = k.map((_, i) => 0.55 + 0.4 * Math.sin(2.1 * i));
  const q = k.map((row, i) => row.map((x) => beta[i] * x));
  const dot = (a, b) => a.reduce((sum, x, j) => sum + x * b[j], 0);
  const t = q.map((row, i) => k.map((column, j) => (j < i ? dot(row, column) : Number(i === j))));
  const inverse = t.map(() => Array.from({ length: n }, () => 0));
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = Number(i === j);
      for (let l = j; l < i; l++) sum -= t[i][l] * inverse[l][j];
      inverse[i][j] = sum;
    }
  }
  return { q, k, t, inverse };
}

/** Draws T = Λ + tril(Q Kᵀ, −1) in one line and the inverse below. It is as wide as a phone can show without making the labels small. */
function matrix() {
  const [n, r, cell] = [16, 4, 5];
  const { q, k, t, inverse } = example(n, r);
  const side = n * cell;
  const [y, below] = [30, 142];
  const label = (x, width, name) => text(x + width / 2, y - 10, name, { "font-size": 15 });
  const body = [
    [6, side, "T", heat(6, y, n, n, cell, (i, j) => t[i][j], 1)],
    [104, side, "Λ", heat(104, y, n, n, cell, (i, j) => Number(i === j), 1)],
    [238, r * cell, "Q", heat(238, y, n, r, cell, (i, j) => q[i][j], 1)],
    [263, side, "Kᵀ", heat(263, y, r, n, cell, (i, j) => k[j][i], 1)],
  ].map(([x, width, name, cells]) => label(x, width, name) + cells);
  const sign = (x, name) => text(x, y + side / 2 + 6, name, { "font-size": 16 });
  const signs = sign(95, "=") + sign(210, "+ tril(") + sign(364, ", −1)");
  const inverted =
    text(238, below + side / 2 + 6, "T⁻¹ =", { "font-size": 16, "text-anchor": "end" }) +
    heat(263, below, n, n, cell, (i, j) => inverse[i][j], 1);
  const title = "T is a diagonal plus the strictly lower part of a low-rank product; its inverse";
  return picture(WIDTH, below + side + 14, title, body.join("") + signs + inverted);
}

/** Draws T alone, for the front page. */
function tril() {
  const [n, cell] = [24, 12];
  const { t } = example(n, 4);
  const squares = heat(16, 16, n, n, cell, (i, j) => t[i][j], 1);
  return picture(n * cell + 32, n * cell + 32, "T, lower triangular", squares);
}

/** Draws a sequence that is solved in pieces, with the state that goes from one to the next. */
function stream() {
  const [pieces, width, gap] = [3, 88, 32];
  const [top, bottom] = [62, 138];
  const small = { "font-size": 13, fill: MUTED };
  const state = (x) =>
    arrow(x + 2, 100, x + gap - 2, 100, blue) +
    text(x + gap / 2, 90, "Z", { fill: blue, "font-weight": 600 });
  const body = Array.from({ length: pieces }, (_, i) => {
    const x = gap + i * (width + gap);
    const middle = x + width / 2;
    return (
      rect(x, top, width, bottom - top, { rx: 8, fill: "#fff4ec", stroke: orange, "stroke-width": 1.5 }) +
      text(middle, top + 22, "solve") +
      text(middle, top + 44, "rows", small) +
      text(middle, top + 62, `${i * 100} … ${i * 100 + 99}`, small) +
      text(middle, 24, "Q, K, λ, B") +
      arrow(middle, 32, middle, top - 2) +
      arrow(middle, bottom + 2, middle, bottom + 28) +
      text(middle, bottom + 46, "Y") +
      state(x - gap)
    );
  }).join("");
  const end = gap + pieces * (width + gap) - gap;
  const caption = text(WIDTH / 2, 216, "all that is carried: r × p numbers", { fill: blue });
  const title = "A sequence solved in pieces, with the state carried between them";
  return picture(WIDTH, 232, title, body + state(end) + caption);
}

/** The backward error ω of f32 solves in ε, on the hardest family for each way, as it was measured for the design of this library. */
const WORST = [
  ["row by row", 2.2, 1],
  ["16-blocks", 3.9, 1],
  ["U, W by 16-blocks", 5.9, 1],
  ["64-inverse + refinement", 2.4, 1],
  ["64-inverse", 58, 0],
];

/** Draws these errors as bars, with the limit. */
function omega() {
  const x = (value) => 14 + (Math.log10(value) + 0.5) * 132;
  const bars = WORST.map(([name, value, good], i) => {
    const y = 48 + i * 46;
    return (
      text(14, y, name, { "text-anchor": "start" }) +
      rect(14, y + 7, x(value) - 14, 18, { fill: good ? blue : orange, rx: 3 }) +
      text(x(value) + 8, y + 21, `${value} ε`, { "text-anchor": "start" })
    );
  }).join("");
  const limit = line(x(16), 30, x(16), 262, { "stroke-dasharray": "5 4" }) + text(x(16), 22, "limit 16 ε");
  return picture(
    WIDTH,
    274,
    "Backward error of five ways to solve, worst of the families measured",
    bars + limit,
  );
}

/** Draws the number of multiplications of one solve with r = p = 64 against n: 2nrp here, and those of forming T and substituting. */
function cost() {
  const [r, p] = [64, 64];
  const sizes = Array.from({ length: 11 }, (_, i) => 2 ** (7 + i));
  const [left, right] = [52, 372];
  const x = (n) => left + ((Math.log2(n) - 7) * (right - left)) / 10;
  const y = (count) => 262 - (Math.log10(count) - 5.5) * 33;
  const small = { "font-size": 13, fill: MUTED };
  // Each label stands beside its curve: above the steep one on the left, and below the other on the right.
  const ways = [
    [
      "dense: n²(r + p)/2",
      orange,
      (n) => (n * n * (r + p)) / 2,
      { n: 2 ** 14, dx: -10, dy: 0, "text-anchor": "end" },
    ],
    ["here: 2 n r p", blue, (n) => 2 * n * r * p, { n: 2 ** 13, dx: 0, dy: 26, "text-anchor": "start" }],
  ];
  const axes = sizes
    .filter((_, i) => i % 2 === 0)
    .map((n) => text(x(n), 292, n >= 1024 ? `${n / 1024}k` : `${n}`, small));
  const powers = [6, 8, 10, 12].map(
    (e) =>
      line(left, y(10 ** e), right, y(10 ** e), { stroke: "#eaeef2" }) +
      text(left - 6, y(10 ** e) + 5, `10${[...String(e)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`, {
        ...small,
        "font-size": 15,
        "text-anchor": "end",
      }),
  );
  const curves = ways.map(([name, stroke, count, { n, dx, dy, "text-anchor": anchor }]) => {
    const points = sizes.map((size) => `${x(size)},${y(count(size)).toFixed(1)}`).join(" ");
    const label = { fill: stroke, "text-anchor": anchor };
    return (
      tag("polyline", { points, fill: "none", stroke, "stroke-width": 2.5 }) +
      text(x(n) + dx, y(count(n)) + dy, name, label)
    );
  });
  const captions =
    text((left + right) / 2, 316, "n, tokens", { fill: MUTED }) +
    text(10, 22, "multiplications, r = p = 64", { "text-anchor": "start" });
  const title = "Multiplications of one solve against the number of tokens";
  return picture(WIDTH, 328, title, [...powers, ...axes, ...curves].join("") + captions);
}

/** Draws T for the tab of a browser. */
function favicon() {
  const [n, cell] = [5, 6];
  const { t } = example(n, 3);
  return picture(
    n * cell + 2,
    n * cell + 2,
    "T, lower triangular",
    heat(1, 1, n, n, cell, (i, j) => t[i][j], 1),
  );
}

export const PICTURES = { matrix, tril, stream, omega, cost, favicon };

export function drawPictures(into = OUT) {
  mkdirSync(into, { recursive: true });
  for (const [name, draw] of Object.entries(PICTURES)) writeFileSync(join(into, `${name}.svg`), draw());
}
