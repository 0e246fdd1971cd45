import type { Found } from "./protocol.js";
import { noticesOf, showBackends } from "./page/backends.js";
import { browserOf } from "./page/browser.js";
import { byId, element } from "./page/dom.js";
import { startPicture } from "./page/picture.js";
import { startRuns } from "./page/runs.js";
import { Session } from "./page/session.js";

function sayWhere(found: Found | undefined): void {
  const { name, version, platform } = browserOf(navigator);
  const gpu = found?.choices.find((choice) => choice.name === "webgpu");
  const cores = navigator.hardwareConcurrency;
  const parts = [
    `${name} ${version} on ${platform}`,
    `${cores} logical ${cores === 1 ? "core" : "cores"}`,
    gpu ? `GPU: ${gpu.build}${gpu.software ? " (software)" : ""}` : undefined,
  ];
  byId("where", HTMLElement).textContent = parts.filter(Boolean).join(" · ");
}

const MAX_THREADS = 8;

/** As many as the browser tells of, at most 8; `?threads=4` asks for another number. */
function threads(): number {
  const asked = Number(new URLSearchParams(location.search).get("threads"));
  if (Number.isInteger(asked) && asked >= 1 && asked <= 64) return asked;
  return Math.min(navigator.hardwareConcurrency, MAX_THREADS);
}

async function start(): Promise<void> {
  sayWhere(undefined);
  startPicture();
  const session = new Session(threads());
  const notices = byId("notices", HTMLElement);
  try {
    const found = await session.look();
    sayWhere(found);
    showBackends(found, byId("backends", HTMLElement));
    notices.replaceChildren(
      ...noticesOf(found, crossOriginIsolated).map((notice) => element("p", {}, notice)),
    );
    startRuns(session, found);
  } catch (error) {
    notices.replaceChildren(element("p", {}, `The bench cannot start: ${(error as Error).message}`));
  }
}

void start();
