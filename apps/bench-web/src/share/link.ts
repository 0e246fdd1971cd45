import type { CaseReport } from "@dlrt/bench/harness";
import { FieldError, parseRequest } from "../page/request.js";
import { NAMES, packCase, unpackCase } from "./case.js";
import { LinkError, reader, type Reader } from "./checks.js";
import { pack, unpack } from "./text.js";

/** The form's fields that a link carries, as they stand in it; a field that does not apply is missing. */
export const FIELDS = [
  ...["operation", "workload", "decay", "dtype", "sizes"],
  ...["d", "heads", "chunk", "repetitions", "seconds"],
] as const;

export interface Settings {
  readonly names: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
}

/** Where and when a result was measured. */
export interface Origin {
  /** "Chromium 150 on Linux · 2 logical cores" */
  readonly where: string;
  /** "2026-11-26" */
  readonly when: string;
  /** The version of @dlrt/core. */
  readonly version: string;
}

export interface Shared {
  readonly settings: Settings;
  /** The cases. Where there are none, the link carries settings alone. */
  readonly cases: readonly CaseReport[];
  readonly origin: Origin;
}

/** The version of the format, which changes when what a link holds does. */
const FORM = "r1";
const MOST_CASES = 12;
/** Separates names, none of which contains it. */
const BETWEEN = "|";

/** The part of an address after "#". */
export async function fragmentOf({ settings, cases, origin }: Shared): Promise<string> {
  const { names, fields } = settings;
  const words = { names: names.join(BETWEEN), ...fields, ...origin };
  return `${FORM}.${await pack({ ...words, cases: cases.map(packCase) })}`;
}

export function settingsOf(form: FormData): Settings {
  const given = FIELDS.filter((name) => form.has(name));
  return {
    names: form.getAll("names").map(String),
    fields: Object.fromEntries(given.map((name) => [name, String(form.get(name))])),
  };
}

function formOf({ names, fields }: Settings): FormData {
  const form = new FormData();
  for (const name of names) form.append("names", name);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

function namesOf(found: Reader): string[] {
  const names = found.text("names", 400).split(BETWEEN);
  if (names.every((name) => NAMES.test(name))) return names;
  throw new LinkError("damaged at “names”");
}

function dayOf(found: Reader): string {
  const day = found.text("when", 10, /^20\d\d-\d\d-\d\d$/);
  if (Number.isNaN(Date.parse(day))) throw new LinkError("damaged at “when”");
  return day;
}

/**
 * What an address tells; undefined where it tells nothing.
 * @throws (rejects with) LinkError where it is damaged, of another version, or asks for what cannot be run
 */
export async function sharedOf(fragment: string): Promise<Shared | undefined> {
  const [, version, text] = /^#?(r\d+)\.(.*)$/s.exec(fragment) ?? [];
  if (version === undefined) return undefined;
  if (version !== FORM) throw new LinkError("made by another version of this page");
  const found = reader(await unpack(text!));
  const settings: Settings = {
    names: namesOf(found),
    fields: Object.fromEntries(
      FIELDS.filter((name) => found.has(name)).map((name) => [name, found.text(name, 120)]),
    ),
  };
  try {
    const request = parseRequest(formOf(settings));
    return {
      settings,
      cases: found.list("cases", MOST_CASES, (item) => unpackCase(item, request)),
      origin: {
        where: found.text("where", 160),
        when: dayOf(found),
        version: found.text("version", 40),
      },
    };
  } catch (error) {
    if (error instanceof FieldError) throw new LinkError(`not to be run (${error.field}: ${error.message})`);
    throw error;
  }
}
