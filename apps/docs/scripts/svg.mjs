// Makes the SVG that the pictures need. Each picture has a light card behind it, so that it can be read in a dark theme too.
export const INK = "#24292f";
export const MUTED = "#6e7781";
export const BLUE = [33, 102, 172];
export const ORANGE = [204, 85, 0];

const attributes = (given) =>
  Object.entries(given)
    .map(([name, value]) => ` ${name}="${typeof value === "number" ? Number(value.toFixed(2)) : value}"`)
    .join("");

export const tag = (name, given, inside = "") =>
  inside === "" ? `<${name}${attributes(given)}/>` : `<${name}${attributes(given)}>${inside}</${name}>`;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export const text = (x, y, content, given = {}) =>
  tag("text", { x, y, fill: INK, "font-size": 14, "text-anchor": "middle", ...given }, escaped(content));

export const rect = (x, y, width, height, given = {}) => tag("rect", { x, y, width, height, ...given });

export const line = (x1, y1, x2, y2, given = {}) =>
  tag("line", { x1, y1, x2, y2, stroke: INK, "stroke-width": 1.5, ...given });

/** Draws a horizontal or vertical line that ends in a small triangle. */
export function arrow(x1, y1, x2, y2, color = INK) {
  const [dx, dy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
  const [bx, by] = [x2 - 8 * dx, y2 - 8 * dy];
  const points = [`${x2},${y2}`, `${bx - 4 * dy},${by - 4 * dx}`, `${bx + 4 * dy},${by + 4 * dx}`].join(" ");
  return line(x1, y1, bx, by, { stroke: color }) + tag("polygon", { points, fill: color });
}

export function picture(width, height, title, body) {
  const font = "system-ui, -apple-system, 'Segoe UI', sans-serif";
  const card = rect(0, 0, width, height, { rx: 10, fill: "#ffffff" });
  const head = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    "font-family": font,
  };
  return `${tag("svg", { ...head, role: "img" }, `<title>${escaped(title)}</title>${card}${body}`)}\n`;
}

/** Returns the colour of a number: white for 0, orange above it, blue below it. */
function color(value, scale) {
  const strength = Math.min(1, Math.abs(value) / scale) ** 0.6;
  const [r, g, b] = (value > 0 ? ORANGE : BLUE).map((c) => Math.round(255 + (c - 255) * strength));
  return `rgb(${r},${g},${b})`;
}

/** Draws a matrix as coloured squares. @param entry returns the number in a row and column */
export function heat(x, y, rows, columns, size, entry, scale) {
  let cells = rect(x, y, columns * size, rows * size, { fill: "#fafafa", stroke: "#d0d7de" });
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = entry(i, j);
      if (value !== 0) cells += rect(x + j * size, y + i * size, size, size, { fill: color(value, scale) });
    }
  }
  return cells;
}
