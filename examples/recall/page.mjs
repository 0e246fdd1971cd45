// The page: a worker trains each of the three models, and the page draws what they report.
import { answers, curves, element, matrix } from "./charts.mjs";
import { shownSequence, TASK } from "./recall.mjs";

const SERIES = [
  { name: "delta rule", className: "delta", about: "replaces what its memory holds for a key" },
  { name: "softmax attention", className: "softmax", about: "keeps every token; a slope prefers the latest" },
  { name: "linear attention", className: "linear", about: "adds every value to what is there" },
];
const sequence = shownSequence(TASK);
const $ = (id) => document.getElementById(id);
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const asked = new URLSearchParams(location.search);

/** What is known so far of each model. */
const models = SERIES.map((series) => ({
  ...series,
  points: [],
  worker: undefined,
  states: undefined,
  ended: true,
}));
let steps = 400;

function drawCurves() {
  $("curves").replaceChildren(curves(models, steps));
}

function drawStates() {
  const pair = Number($("pair").value);
  const [key, value] = sequence.pairs[pair];
  const before = sequence.pairs.slice(0, pair).filter(([k]) => k === key).length;
  const times = before === 0 ? "for the first time" : before === 1 ? "over 1 value" : `over ${before} values`;
  $("pair-text").textContent =
    `after pair ${pair + 1} of ${TASK.pairs}: key ${key} ← value ${value}, ${times}`;
  for (const { className, states } of models) {
    const figure = $(`state-${className}`);
    if (!figure || !states) continue;
    const largest = states.at(-1).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    matrix(figure.querySelector("canvas"), states[pair], largest);
    figure.querySelector(".size").textContent = `size ${Math.hypot(...states[pair]).toFixed(1)}`;
  }
  $("states").hidden = !models.some(({ states }) => states);
}

function hear(model, { type, ...told }) {
  const row = $(`row-${model.className}`);
  const say = (name, text) => (row.querySelector(`.${name}`).textContent = text);
  if (type === "started") {
    say("parameters", String(told.parameters));
    $("where").textContent = `Runs on ${told.runs}.`;
  } else if (type === "progress") {
    model.points.push(told);
    say("step", `${told.step} of ${told.steps}`);
    say("loss", told.loss.toFixed(3));
    say("accuracy", percent(told.accuracy));
    say("seconds", `${told.seconds.toFixed(0)} s`);
    drawCurves();
  } else if (type === "picture") {
    model.states = told.states;
    $(`answers-${model.className}`).replaceChildren(answers(told.answers, sequence, TASK));
    drawStates();
  } else if (type === "done") {
    say("accuracy", `${percent(told.accuracy)}${told.stopped ? ", stopped" : ""}`);
    end(model);
  } else {
    say("accuracy", `failed: ${told.message}`);
    row.classList.add("failed");
    end(model);
  }
}

function end(model) {
  model.ended = true;
  model.worker.terminate();
  if (!models.every(({ ended }) => ended)) return;
  $("start").disabled = false;
  $("stop").disabled = true;
  $("status").textContent = "Done.";
}

function begin(event) {
  event.preventDefault();
  const form = new FormData($("form"));
  steps = Math.max(1, Math.round(Number(form.get("steps")) || 400));
  const request = {
    backendName: form.get("backend"),
    steps,
    seed: Math.round(Number(form.get("seed")) || 1),
  };
  $("start").disabled = true;
  $("stop").disabled = false;
  $("status").textContent = "Training…";
  for (const model of models) {
    Object.assign(model, { points: [], states: undefined, ended: false });
    $(`row-${model.className}`).classList.remove("failed");
    const worker = new Worker(new URL("./trainer.mjs", import.meta.url), { type: "module" });
    model.worker = worker;
    worker.addEventListener("message", ({ data }) => hear(model, data));
    worker.addEventListener("error", ({ message }) => hear(model, { type: "failed", message }));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
    worker.postMessage({ mixer: model.name, ...request });
  }
  drawCurves();
}

for (const { name, className, about } of SERIES) {
  const cells = ["accuracy", "loss", "step", "seconds", "parameters"].map((of) =>
    element("td", { class: of }),
  );
  const key = element("span", { class: `key ${className}`, "aria-hidden": "true" });
  $("rows").append(
    element("tr", { id: `row-${className}` }, element("th", { scope: "row" }, key, name), ...cells),
  );
  $("answers").append(
    element(
      "figure",
      {},
      element("figcaption", {}, element("b", {}, name), ` ${about}`),
      element("div", { id: `answers-${className}`, class: "grid-of-answers" }),
    ),
  );
  if (className === "softmax") continue; // it has no state
  const caption = element("figcaption", {}, element("b", {}, name), " ", element("span", { class: "size" }));
  $("matrices").append(
    element(
      "figure",
      { id: `state-${className}` },
      element("canvas", { role: "img", "aria-label": `state of ${name}` }),
      caption,
    ),
  );
}
$("pair").max = String(TASK.pairs - 1);
$("pair").addEventListener("input", drawStates);
$("form").addEventListener("submit", begin);
$("stop").addEventListener("click", () => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
  for (const { worker, ended } of models) if (!ended) worker.postMessage({ type: "stop" });
});
const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
$("webgpu").disabled = !adapter;
if (!adapter) $("webgpu").textContent = "WebGPU (not in this browser)";
for (const name of ["steps", "seed", "backend"]) {
  if (asked.has(name)) $("form").elements[name].value = asked.get(name);
}
drawCurves();
$("status").textContent = "Ready.";
