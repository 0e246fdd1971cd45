import { LinkError } from "../share/checks.js";
import { settingsOf, sharedOf, type Shared } from "../share/link.js";
import type { Found } from "../protocol.js";
import { byId } from "./dom.js";
import { fillIn, fitTo, planOf } from "./form.js";
import { Gathered } from "./report.js";
import { FieldError, parseRequest } from "./request.js";
import { Results } from "./results.js";
import type { RunEvent, Session } from "./session.js";

const parts = () => ({
  form: byId("bench-form", HTMLFormElement),
  settings: byId("settings", HTMLDetailsElement),
  plan: byId("plan", HTMLElement),
  fault: byId("fault", HTMLElement),
  run: byId("run", HTMLButtonElement),
  cancel: byId("cancel", HTMLButtonElement),
  bar: byId("progress", HTMLProgressElement),
  status: byId("status", HTMLElement),
});

/** Removes what a link brought from the address, because the page no longer shows it. */
const forgetLink = (): void => history.replaceState(null, "", location.pathname + location.search);

/** Connects the form, the session and what shows results; first shows what the page's address tells. */
export async function startRuns(session: Session, found: Found, where: string): Promise<void> {
  const { form, settings, plan, fault, run, cancel, bar, status } = parts();
  const results = new Results();
  let gathered: Gathered | undefined;
  let asked: Shared["settings"] | undefined;

  const busy = (on: boolean): void => {
    [run.disabled, cancel.hidden, bar.hidden] = [on, !on, !on];
    form.toggleAttribute("aria-busy", on);
  };
  const end = (words: string): void => {
    const focused = document.activeElement === cancel;
    busy(false);
    if (focused) run.focus();
    status.textContent = words;
    void results.finish(words);
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
      results.show({ settings: asked!, report: gathered!.report(), where });
    } else if (event.type === "done") end(`Done: ${counted()}.`);
    else end(`Stopped: ${event.message}. ${counted()} before.`);
  };

  const changed = (): void => {
    fitTo(form);
    plan.textContent = planOf(form);
  };
  form.addEventListener("input", changed);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    fault.textContent = "";
    try {
      const data = new FormData(form);
      const request = parseRequest(data);
      [asked, gathered] = [settingsOf(data), new Gathered(found.missing)];
      forgetLink();
      results.clear();
      busy(true);
      status.textContent = "Starting…";
      session.run(request, hear);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      settings.open = true;
      fault.textContent = error.message;
      form.querySelector<HTMLElement>(`[name="${error.field}"]`)?.focus();
    }
  });
  cancel.addEventListener("click", () => {
    session.cancel();
    end(`Cancelled: ${counted()} before.`);
  });

  try {
    const shared = await sharedOf(location.hash);
    if (shared) results.showShared(shared, fillIn(form, shared.settings));
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    forgetLink();
    fault.textContent = `The link cannot be shown: it is ${error.message}. Ask for a new one, or press Run to measure here.`;
  }
  addEventListener("hashchange", () => location.reload());
  changed();
  busy(false);
  status.textContent = "Ready.";
}
