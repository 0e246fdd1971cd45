import type { Choice, Found } from "../protocol.js";
import { element } from "./dom.js";

const ABOUT: Readonly<Record<Choice["kind"], string>> = {
  backend: "",
  peer: "for comparison",
  planted: "an answer made wrong on purpose: no time is shown for it",
};

function choice({ name, kind, build, note, software }: Choice): HTMLLabelElement {
  const input = element("input", {
    type: "checkbox",
    name: "names",
    value: name,
    checked: kind !== "planted",
  });
  const about = [build === name ? "" : build, ABOUT[kind], note].filter(Boolean).join(" · ");
  const label = element("label", { class: "backend" }, input, element("b", {}, name));
  if (software) label.append(element("span", { class: "badge" }, "software"));
  label.append(element("small", {}, about));
  return label;
}

function absent(name: string, reason: string): HTMLLabelElement {
  const input = element("input", { type: "checkbox", disabled: true });
  const label = element("label", { class: "backend missing" }, input, element("b", {}, name));
  label.append(element("span", { class: "badge" }, "missing"), element("small", {}, reason));
  return label;
}

/** One box per backend; what is missing stands there with its reason. */
export function showBackends({ choices, missing }: Found, into: HTMLElement): void {
  into.replaceChildren(
    ...choices.filter(({ kind }) => kind === "backend").map(choice),
    ...missing.map(({ name, reason }) => absent(name, reason)),
    ...choices.filter(({ kind }) => kind !== "backend").map(choice),
  );
}

export interface Notice {
  readonly short: string;
  readonly long: string;
}

/** What limits the figures of this browser, in plain words. */
export function noticesOf({ choices, missing }: Found, isolated: boolean): Notice[] {
  const notices: Notice[] = [];
  if (!isolated) {
    notices.push({
      short: "Threads are off: this page is not cross-origin isolated.",
      long:
        "So WebAssembly runs on one thread and the clock is coarser. A server turns threads on with the headers " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.",
    });
  }
  const noGpu = missing.find(({ name }) => name === "webgpu");
  if (noGpu) {
    const why = noGpu.reason.replace(/^gpu: /, "");
    const long = `${why[0]!.toUpperCase()}${why.slice(1)}. The other backends run without it.`;
    notices.push({ short: "No WebGPU here.", long });
  }
  const software = choices.find(({ name, software }) => name === "webgpu" && software);
  if (software) {
    notices.push({
      short: "WebGPU runs in software.",
      long: `On ${software.build}: its answers count, its times do not. Large cases leave it out.`,
    });
  }
  return notices;
}
