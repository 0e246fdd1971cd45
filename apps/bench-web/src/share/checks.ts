/** A link that cannot be shown, and why, in words for the visitor. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

type Fields = Readonly<Record<string, unknown>>;

/** Of what came with a link, the field `name` as what it has to be. @throws LinkError */
export interface Reader {
  text(name: string, most: number, pattern?: RegExp): string;
  number(name: string, least: number, most: number): number;
  list<T>(name: string, most: number, each: (item: Reader) => T): T[];
  has(name: string): boolean;
}

/** Letters, digits, marks, signs and spaces: no character that turns the writing direction, hides others or breaks a line. */
const PLAIN = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

export function reader(value: unknown): Reader {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new LinkError("damaged");
  const fields = value as Fields;
  const own = (name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);
  const refuse = (name: string): never => {
    throw new LinkError(`damaged at “${name}”`);
  };
  return {
    has: (name) => own(name) !== undefined,
    text(name, most, pattern = PLAIN) {
      const found = own(name);
      if (typeof found === "string" && found.length <= most && pattern.test(found)) return found;
      return refuse(name);
    },
    number(name, least, most) {
      const found = own(name);
      if (typeof found === "number" && found >= least && found <= most) return found;
      return refuse(name);
    },
    list(name, most, each) {
      const found = own(name);
      if (!Array.isArray(found) || found.length > most) return refuse(name);
      return found.map((item) => each(reader(item)));
    },
  };
}
