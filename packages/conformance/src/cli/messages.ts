import type { Report } from "../report.js";
import type { SuiteOptions } from "../options.js";

/** What the judging process is started with, as JSON. */
export interface Task {
  readonly backend: string;
  readonly options: SuiteOptions;
  /** Whether the layers are judged instead of the kernels. */
  readonly layers: boolean;
}

/** What the judging process tells the one that waits for it. */
export type Message = { readonly dlrt: "conformance" } & (
  | { readonly kind: "alive" }
  | { readonly kind: "start"; readonly title: string }
  | { readonly kind: "case"; readonly title: string; readonly outcome: Outcome; readonly report: Report }
  | { readonly kind: "done"; readonly report: Report }
  /** The command line names no backend. */
  | { readonly kind: "wrong"; readonly why: string }
  /** The run could not go on. */
  | { readonly kind: "lost"; readonly why: string }
);

export type Outcome = "passed" | "failed" | "not run";

/** Tells whether a value is one of these messages: a backend may send messages of its own by the same channel. */
export function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "dlrt" in value && value.dlrt === "conformance";
}
