import type { Found } from "../protocol.js";
import { drawCharts } from "./charts.js";
import { byId, element } from "./dom.js";
import { download, Gathered } from "./report.js";
import { FieldError, isLayer, parseRequest } from "./request.js";
import type { RunEvent, Session } from "./session.js";
import { tableOf } from "./table.js";

const parts = () => ({
  form: byId("bench-form", HTMLFormElement),
  fault: byId("fault", HTMLElement),
  run: byId("run", HTMLButtonElement),
  cancel: byId("cancel", HTMLButtonElement),
  save: byId("save", HTMLButtonElement),
  bar: byId("progress", HTMLProgressElement),
  status: byId("status", HTMLElement),
  said: byId("said", HTMLElement),
  charts: byId("charts", HTMLElement),
  tables: byId("tables", HTMLElement),
});

/** Connects the form, the session and what shows results. */
export function startRuns(session: Session, { missing }: Found): void {
  const { form, fault, run, cancel, save, bar, status, said, charts, tables } = parts();
  let gathered: Gathered | undefined;

  const busy = (on: boolean): void => {
    [run.disabled, cancel.disabled, bar.hidden] = [on, !on, !on];
    form.toggleAttribute("aria-busy", on);
  };
  const end = (words: string): void => {
    const focused = document.activeElement === cancel;
    busy(false);
    if (focused) run.focus();
    status.textContent = words;
    said.textContent = words;
  };
  const counted = (): string => {
    const count = gathered?.cases.length ?? 0;
    return `${count} ${count === 1 ? "case" : "cases"} measured`;
  };
  const hear = (event: RunEvent): void => {
    if (event.type === "progress") {
      bar.value = event.done;
      status.textContent = `${Math.round(100 * event.done)} % · ${event.what}`;
    } else if (event.type === "case") {
      gathered!.cases.push(event.report);
      gathered!.peaks = event.peaks;
      tables.append(tableOf(event.report));
      drawCharts(gathered!.cases, charts);
      said.textContent = `n = ${event.report.sizes.n} measured.`;
      save.disabled = false;
    } else if (event.type === "done") end(`Done: ${counted()}.`);
    else end(`Stopped: ${event.message}. ${counted()} before.`);
  };

  const operation = byId("operation", HTMLSelectElement);
  const fit = (): void => {
    for (const name of ["workload", "decay", "dtype", "chunk", "sizes"]) {
      const field = form.elements.namedItem(name) as HTMLInputElement;
      field.disabled = isLayer(operation.value) && (name !== "sizes" || operation.value.endsWith("decoding"));
    }
  };
  operation.addEventListener("change", fit);
  fit();

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    fault.textContent = "";
    try {
      const request = parseRequest(new FormData(form));
      gathered = new Gathered(missing);
      tables.replaceChildren();
      charts.replaceChildren(element("p", { class: "about" }, "The charts grow with each case."));
      save.disabled = true;
      busy(true);
      status.textContent = "Starting…";
      session.run(request, hear);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      fault.textContent = error.message;
      form.querySelector<HTMLElement>(`[name="${error.field}"]`)?.focus();
    }
  });
  cancel.addEventListener("click", () => {
    session.cancel();
    end(`Cancelled: ${counted()} before.`);
  });
  save.addEventListener("click", () => gathered && download(gathered.report()));
  addEventListener("resize", () => {
    if (gathered && gathered.cases.length > 0) drawCharts(gathered.cases, charts);
  });
  busy(false);
  status.textContent = "Ready.";
}
