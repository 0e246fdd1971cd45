import { SCHEMA, type CaseReport, type Missing, type Peaks, type Report } from "@dlrt/bench/harness";
import { environmentOf } from "./browser.js";
import { element } from "./dom.js";

/** The command line's report, with what only a page knows; `pnpm bench compare` reads it. */
export interface PageReport extends Report {
  readonly page: { readonly userAgent: string; readonly crossOriginIsolated: boolean };
}

/** Gathers the cases of one run. */
export class Gathered {
  readonly cases: CaseReport[] = [];
  readonly #started = new Date();
  peaks: Peaks = { js: 0, wasm: { f32: null, f64: null } };

  constructor(readonly missing: readonly Missing[]) {}

  report(): PageReport {
    return {
      schema: SCHEMA,
      started: this.#started.toISOString(),
      seconds: (Date.now() - this.#started.getTime()) / 1000,
      arguments: [],
      ...environmentOf(navigator),
      peaks: this.peaks,
      seed: [],
      cases: this.cases,
      missing: this.missing,
      page: { userAgent: navigator.userAgent, crossOriginIsolated },
    };
  }
}

/** `started`: in ISO's form. */
export const fileName = (started: string, ending: string): string =>
  `dlrt-bench-${started.slice(0, 16).replace(":", "")}.${ending}`;

/** Hands the visitor a file. */
export function save(blob: Blob, name: string): void {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function download(report: PageReport): void {
  save(
    new Blob([JSON.stringify(report, null, 1)], { type: "application/json" }),
    fileName(report.started, "json"),
  );
}
