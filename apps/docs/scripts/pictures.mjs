// The site's pictures, drawn from the equations themselves.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BLUE, MUTED, ORANGE, arrow, heat, line, picture, rect, tag, text } from "./svg.mjs";

const OUT = fileURLToPath(new URL("../pages/public/pictures/", import.meta.url));
const orange = `rgb(${ORANGE})`;
const blue = `rgb(${BLUE})`;

/** Unit keys that drift, as neighbouring tokens do, and β in (0, 1): the T of one small DeltaNet head. */
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

function matrix() {
  const [n, r, cell] = [24, 4, 7];
  const { q, k, t, inverse } = example(n, r);
  const side = n * cell;
  const y = 46;
  const middle = y + side / 2 + 6;
  const label = (x, width, name) => text(x + width / 2, 30, name, { "font-size": 17 });
  const body = [
    [20, side, "T", heat(20, y, n, n, cell, (i, j) => t[i][j], 1)],
    [222, side, "Λ", heat(222, y, n, n, cell, (i, j) => Number(i === j), 1)],
    [466, r * cell, "Q", heat(466, y, n, r, cell, (i, j) => q[i][j], 1)],
    [506, side, "Kᵀ", heat(506, y + (side - r * cell) / 2, r, n, cell, (i, j) => k[j][i], 1)],
    [746, side, "T⁻¹", heat(746, y, n, n, cell, (i, j) => inverse[i][j], 1)],
  ].map(([x, width, name, cells]) => label(x, width, name) + cells);
  const signs =
    text(205, middle, "=", { "font-size": 20 }) +
    text(429, middle, "+ tril(", { "font-size": 20 }) +
    text(699, middle, ", −1)", { "font-size": 20 });
  return picture(
    934,
    232,
    "T is a diagonal plus the strictly lower part of a low-rank product",
    body.join("") + signs,
  );
}

/** T alone, for the front page. */
function tril() {
  const [n, cell] = [24, 12];
  const { t } = example(n, 4);
  const squares = heat(16, 16, n, n, cell, (i, j) => t[i][j], 1);
  return picture(n * cell + 32, n * cell + 32, "T, lower triangular", squares);
}

function stream() {
  const [pieces, width, gap] = [3, 190, 60];
  const body = Array.from({ length: pieces }, (_, i) => {
    const x = 60 + i * (width + gap);
    const rows = `rows ${i * 1000} … ${i * 1000 + 999}`;
    return (
      rect(x, 70, width, 60, { rx: 8, fill: "#fff4ec", stroke: orange, "stroke-width": 1.5 }) +
      text(x + width / 2, 96, "solve") +
      text(x + width / 2, 118, rows, { "font-size": 12, fill: MUTED }) +
      text(x + width / 2, 28, "Q, K, λ, B") +
      arrow(x + width / 2, 36, x + width / 2, 68) +
      arrow(x + width / 2, 132, x + width / 2, 164) +
      text(x + width / 2, 184, "Y") +
      arrow(x - gap + 2, 100, x - 2, 100, blue) +
      text(x - gap / 2, 88, "Z", { fill: blue, "font-weight": 600 })
    );
  }).join("");
  const end = 60 + pieces * (width + gap) - gap;
  const last =
    arrow(end + 2, 100, end + gap - 2, 100, blue) +
    text(end + gap / 2, 88, "Z", { fill: blue, "font-weight": 600 });
  const caption = text(end / 2 + 30, 216, "all that is carried: r × p numbers", {
    fill: blue,
    "font-size": 13,
  });
  return picture(
    end + 76,
    232,
    "A sequence solved in pieces, with the state carried between them",
    body + last + caption,
  );
}

/** ω in ε of f32 solves on the hardest family for each way, as measured for the design of this library. */
const WORST = [
  ["row by row", 2.2, 1],
  ["16-blocks", 3.9, 1],
  ["U, W by 16-blocks", 5.9, 1],
  ["64-inverse + refinement", 2.4, 1],
  ["64-inverse", 58, 0],
];

function omega() {
  const x = (value) => 220 + (Math.log10(value) + 0.5) * 190;
  const bars = WORST.map(([name, value, good], i) => {
    const y = 44 + i * 34;
    return (
      text(210, y + 16, name, { "text-anchor": "end" }) +
      rect(220, y, x(value) - 220, 22, { fill: good ? blue : orange, rx: 3 }) +
      text(x(value) + 8, y + 16, `${value} ε`, { "text-anchor": "start" })
    );
  }).join("");
  const limit = line(x(16), 30, x(16), 214, { "stroke-dasharray": "5 4" }) + text(x(16), 22, "limit 16 ε");
  return picture(
    760,
    228,
    "Backward error of five ways to solve, worst of the families measured",
    bars + limit,
  );
}

/** Multiplications for one solve with r = p = 64, counted: 2nrp against forming T and substituting. */
function cost() {
  const [r, p] = [64, 64];
  const ways = [
    ["dense: n²(r + p)/2", orange, (n) => (n * n * (r + p)) / 2],
    ["here: 2 n r p", blue, (n) => 2 * n * r * p],
  ];
  const sizes = Array.from({ length: 11 }, (_, i) => 2 ** (7 + i));
  const x = (n) => 80 + (Math.log2(n) - 7) * 52;
  const y = (count) => 270 - (Math.log10(count) - 5.5) * 36;
  const axes = sizes
    .filter((_, i) => i % 2 === 0)
    .map((n) => text(x(n), 300, n >= 1024 ? `${n / 1024}k` : `${n}`, { "font-size": 12, fill: MUTED }));
  const powers = [6, 8, 10, 12].map(
    (e) =>
      line(80, y(10 ** e), 600, y(10 ** e), { stroke: "#eaeef2" }) +
      text(70, y(10 ** e) + 4, `10^${e}`, { "font-size": 12, fill: MUTED, "text-anchor": "end" }),
  );
  const curves = ways.map(([name, stroke, count]) => {
    const points = sizes.map((n) => `${x(n)},${y(count(n)).toFixed(1)}`).join(" ");
    const end = sizes.at(-1);
    return (
      tag("polyline", { points, fill: "none", stroke, "stroke-width": 2.5 }) +
      text(x(end) + 8, y(count(end)) + 5, name, { fill: stroke, "text-anchor": "start", "font-size": 13 })
    );
  });
  const captions =
    text(340, 322, "n, tokens", { fill: MUTED }) +
    text(40, 22, "multiplications, r = p = 64", { "text-anchor": "start" });
  return picture(
    760,
    336,
    "Multiplications of one solve against the number of tokens",
    [...powers, ...axes, ...curves].join("") + captions,
  );
}

export const PICTURES = { matrix, tril, stream, omega, cost };

export function drawPictures(into = OUT) {
  mkdirSync(into, { recursive: true });
  for (const [name, draw] of Object.entries(PICTURES)) writeFileSync(join(into, `${name}.svg`), draw());
}
