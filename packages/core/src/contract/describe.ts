const MAX_STRING = 60;
const MAX_ELEMENTS = 8;

const cut = (text: string): string => (text.length > MAX_STRING ? `${text.slice(0, MAX_STRING)}…` : text);

/** Returns the name in "[object Name]". */
const tagOf = (value: object): string => cut(Object.prototype.toString.call(value).slice(8, -1));

function describeArray(value: readonly unknown[], depth: number): string {
  const { length } = value;
  if (depth === 0) return `an array of ${length}`;
  const shown: string[] = [];
  for (let at = 0; at < Math.min(length, MAX_ELEMENTS); at++) {
    shown.push(at in value ? describeWithin(value[at], depth - 1) : "a hole");
  }
  const more = length > MAX_ELEMENTS ? `, … (${length} elements)` : "";
  return `[${shown.join(", ")}${more}]`;
}

/** Shows arrays two levels deep, so that one that contains itself ends. */
function describeWithin(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(cut(value));
    case "bigint":
      return `${cut(String(value))}n`;
    case "function":
      return "a function";
    case "object":
      break;
    default:
      return cut(Object.is(value, -0) ? "-0" : String(value));
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return describeArray(value, depth);
  const tag = tagOf(value);
  if (!ArrayBuffer.isView(value)) return `an object (${tag})`;
  return "length" in value ? `a ${tag} of ${String(value.length)}` : `a ${tag}`;
}

/** Describes a value for an error message. The text is short whatever the value is, and the function never throws. */
export function describe(value: unknown): string {
  try {
    return describeWithin(value, 2);
  } catch {
    // This is a revoked proxy, or an array whose traps or elements throw.
    return "an object that cannot be looked at";
  }
}
