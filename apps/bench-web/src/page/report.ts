import { SCHEMA, type CaseReport, type Peaks, type Report } from "@dlrt/bench/dist/report.js";
import type { Missing } from "@dlrt/bench/dist/contender.js";
import { environmentOf } from "./browser.js";

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

export function download(report: PageReport): void {
  const blob = new Blob([JSON.stringify(report, null, 1)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `dlrt-bench-${report.started.slice(0, 16).replace(":", "")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
