/* global Plot */
(() => {
  const report = JSON.parse(document.getElementById("data").textContent);
  const { points, fits, machine, versions, started, commit, workload, d } = report;
  const timed = points.filter((p) => p.ms !== undefined);
  const names = [...new Set(points.map((p) => p.name))];
  const color = { domain: names, legend: true };
  const width = Math.min(900, document.body.clientWidth - 32);

  document.getElementById("about").textContent =
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${versions.node}; ${started.slice(0, 10)}, ` +
    `commit ${commit?.slice(0, 8) ?? "unknown"}. Workload: ${workload}, f32, d = ${d}. Every point's answer was judged first.`;

  function figure(title, about, options) {
    const element = document.createElement("section");
    const text = document.createElement("p");
    const heading = document.createElement("h2");
    heading.textContent = title;
    text.textContent = about;
    const plot = Plot.plot({ width, marginLeft: 60, grid: true, color, ariaLabel: title, ...options });
    element.append(heading, text, plot);
    document.getElementById("charts").append(element);
  }

  const lines = (data, x, y, tip) => [
    Plot.lineY(data, { x, y, stroke: "name", strokeWidth: 1.5 }),
    Plot.dot(data, { x, y, fill: "name", r: 3, tip: true, channels: tip }),
  ];
  const plain = (x) => `${x}`;
  const axisOf = (data, key, label) => {
    const ticks = [...new Set(data.map((p) => p[key]))];
    return { type: "log", label, ticks, tickFormat: plain };
  };

  for (const sweep of ["solve", "inverse"]) {
    const data = timed.filter((p) => p.sweep === sweep);
    if (data.length === 0) continue;
    const exponents = fits
      .filter((f) => f.sweep === sweep)
      .map((f) => `${f.name} n^${f.exponent.toFixed(2)} ± ${f.error.toFixed(2)}`);
    figure(`${sweep}: time against n`, `Fitted: ${exponents.join(", ")}.`, {
      x: axisOf(data, "n", "n"),
      y: { type: "log", label: "ms", tickFormat: plain },
      marks: lines(data, "n", "ms", { mad: "mad", gflops: "gflops" }),
    });
  }

  const chunked = timed.filter((p) => p.sweep === "chunk");
  if (chunked.length > 0) {
    figure("solve: speed against chunk", `n = ${chunked[0].n}. Higher is better.`, {
      x: axisOf(chunked, "chunk", "rows per chunk"),
      y: { zero: true, label: "GF/s" },
      marks: [Plot.ruleY([0]), ...lines(chunked, "chunk", "gflops", { ms: "ms" })],
    });
  }

  const judged = points.filter((p) => p.sweep !== "chunk" && typeof p.error === "number" && p.error > 0);
  figure("Error against n", "In units of ε; above the line at 16 an answer is wrong.", {
    x: axisOf(judged, "n", "n"),
    y: { type: "log", label: "error / ε", tickFormat: plain },
    marginRight: 60,
    fy: { label: null },
    marks: [Plot.ruleY([16], { strokeDasharray: "4" })].concat([
      Plot.lineY(judged, { x: "n", y: "error", stroke: "name", fy: "sweep" }),
      Plot.dot(judged, { x: "n", y: "error", fill: "name", fy: "sweep", tip: true }),
    ]),
  });

  const columns = ["sweep", "name", "n", "chunk", "status", "ms", "mad", "gflops", "error"];
  const show = (x) => (typeof x === "number" && !Number.isInteger(x) ? x.toPrecision(4) : (x ?? ""));
  const table = document.getElementById("points");
  const addRow = (cells, tag) => {
    const row = table.insertRow();
    for (const cell of cells) row.append(Object.assign(document.createElement(tag), { textContent: cell }));
  };
  addRow(columns, "th");
  for (const p of points)
    addRow(
      columns.map((c) => show(p[c])),
      "td",
    );
})();
