import type { Found } from "./protocol.js";
import { noticesOf, showBackends } from "./page/backends.js";
import { whereOf } from "./page/browser.js";
import { byId, element, isRoomy } from "./page/dom.js";
import { startPicture } from "./page/picture.js";
import { startRuns } from "./page/runs.js";
import { Session } from "./page/session.js";

function sayWhere(found: Found | undefined): string {
  const gpu = found?.choices.find((choice) => choice.name === "webgpu");
  const where = whereOf(navigator, gpu && `${gpu.build}${gpu.software ? " (software)" : ""}`);
  byId("where", HTMLElement).textContent = where;
  return where;
}

const MAX_THREADS = 8;

/** How many threads to use: as many as the browser has cores, at most 8; `?threads=4` asks for another number. */
function threads(): number {
  const asked = Number(new URLSearchParams(location.search).get("threads"));
  if (Number.isInteger(asked) && asked >= 1 && asked <= 64) return asked;
  return Math.min(navigator.hardwareConcurrency, MAX_THREADS);
}

async function start(): Promise<void> {
  sayWhere(undefined);
  byId("settings", HTMLDetailsElement).open = isRoomy();
  startPicture();
  const session = new Session(threads());
  const notices = byId("notices", HTMLElement);
  try {
    const found = await session.look();
    const where = sayWhere(found);
    showBackends(found, byId("backends", HTMLElement));
    notices.replaceChildren(
      ...noticesOf(found, crossOriginIsolated).map(({ short, long }) =>
        element("details", {}, element("summary", {}, short), element("p", {}, long)),
      ),
    );
    await startRuns(session, found, where);
  } catch (error) {
    notices.replaceChildren(element("p", {}, `The bench cannot start: ${(error as Error).message}`));
  }
}

void start();
