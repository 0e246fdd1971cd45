// Draws curves, answers and states, without a library.

/** Makes an element of SVG or HTML, with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "line", "text", "rect", "circle", "title"].includes(name);
  const node = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

const [W, H, LEFT, BOTTOM, TOP, RIGHT] = [640, 260, 46, 34, 12, 12];

/**
 * Draws accuracy against the step.
 * @param series are { className, points: { step, accuracy }[] }
 */
export function curves(series, steps) {
  const x = (step) => LEFT + ((W - LEFT - RIGHT) * step) / steps;
  const y = (accuracy) => TOP + (H - TOP - BOTTOM) * (1 - accuracy);
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((a) => [
    element("line", { x1: LEFT, x2: W - RIGHT, y1: y(a), y2: y(a), class: "grid" }),
    element("text", { x: LEFT - 8, y: y(a) + 4, class: "tick end" }, `${100 * a} %`),
  ]);
  const ticks = [0, 0.5, 1].map((share) =>
    element(
      "text",
      { x: x(share * steps), y: H - 10, class: share === 1 ? "tick end" : "tick" },
      `step ${Math.round(share * steps)}`,
    ),
  );
  const lines = series.map(({ className, points }) => {
    const at = points.map(({ step, accuracy }) => `${x(step).toFixed(1)} ${y(accuracy).toFixed(1)}`);
    return element("path", { d: at.length > 0 ? `M${at.join("L")}` : "", class: `curve ${className}` });
  });
  const label = "Share of questions answered rightly, against the training step, of the three mixers";
  return element(
    "svg",
    { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label },
    ...grid,
    ...ticks,
    ...lines,
  );
}

const CELL = 16;
const WORDS = {
  last: "its last value",
  before: "a value it had before",
  other: "a value it never had",
  none: "no value yet",
};

/** Draws what the model answers when it is asked for a key after a pair: each key has a row, and each pair a column. */
export function answers(list, sequence, task) {
  const [width, height] = [task.pairs * CELL + 2, task.keys * CELL + 2];
  const cells = list.map(({ pair, key, kind }) => {
    const place = { x: pair * CELL + 1, y: key * CELL + 1, width: CELL - 2, height: CELL - 2, rx: 2 };
    const words = `after pair ${pair + 1}, key ${key}: ${WORDS[kind]}`;
    return element("rect", { ...place, class: `answer ${kind}` }, element("title", {}, words));
  });
  const writes = sequence.pairs.map(([key], pair) =>
    element("circle", { cx: (pair + 0.5) * CELL, cy: (key + 0.5) * CELL, r: 2.5, class: "write" }),
  );
  const right = list.filter(({ kind }) => kind === "last").length;
  const asked = list.filter(({ kind }) => kind !== "none").length;
  const label = `${right} of ${asked} answers are the last value`;
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    ...cells,
    ...writes,
  );
}

/** Draws a matrix: one hue is for numbers above 0, another for those below, and the strength is relative to `largest`. */
export function matrix(canvas, data, largest) {
  const side = Math.round(Math.sqrt(data.length));
  Object.assign(canvas, { width: side, height: side });
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim().split(" ").map(Number);
  const [zero, plus, minus] = [colour("--zero"), colour("--plus"), colour("--minus")];
  const image = new ImageData(side, side);
  data.forEach((value, i) => {
    const share = Math.min(1, Math.abs(value) / (largest || 1)) ** 0.6;
    const to = value > 0 ? plus : minus;
    zero.forEach((from, c) => (image.data[4 * i + c] = from + share * (to[c] - from)));
    image.data[4 * i + 3] = 255;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}
