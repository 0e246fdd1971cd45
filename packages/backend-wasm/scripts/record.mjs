// Makes src/generated/record.ts, by which the host writes a job and cuts it into items, from the assembly's own sources: what both
// sides must agree on stands in the assembly alone. A line that is not understood ends the build, because a field that were
// skipped would move all after it.

const sizes = { i32: 4, usize: 4, f64: 8 };

/** Fields that the host writes in its own way (src/job.ts). All others are whole numbers, which are 0 where a call leaves them out. */
const ownWay = new Set(["remaining", "done", "wide", "trans", "alpha", "eps", "scratch", "scratchStride"]);

/** The lines of a declaration that are neither blank nor of a comment nor of a method. */
function* linesOf(source, declaration) {
  const start = source.indexOf(`export ${declaration} {\n`);
  const end = source.indexOf("\n}\n", start);
  if (start < 0 || end < 0) throw new Error(`assembly/job.ts: expected "export ${declaration} {"`);
  const body = source.slice(start, end).replaceAll(/\/\*\*[^]*?\*\//g, "");
  let inMethod = false;
  for (const line of body.split("\n").slice(1)) {
    if (/^ {2}\w+\(.*\{$/.test(line)) inMethod = true;
    if (!inMethod && line.trim() !== "") yield line;
    if (line === "  }") inMethod = false;
  }
}

function parsed(line, pattern, expected) {
  const found = line.match(pattern);
  if (!found) throw new Error(`assembly/job.ts: expected ${expected}, got "${line.trim()}"`);
  return found.slice(1);
}

/** The members of an enumeration, each with its number. */
function members(source, name) {
  const lines = [...linesOf(source, `enum ${name}`)];
  return Object.fromEntries(lines.map((line, index) => [parsed(line, /^ {2}(\w+),$/, "a member")[0], index]));
}

/** The fields of a class, each with its type and its offset in bytes, aligned to its size; and where the last one ends. */
function fields(source, name, enumerations) {
  const found = {};
  let at = 0;
  for (const line of linesOf(source, `class ${name}`)) {
    const [field, type] = parsed(line, /^ {2}(\w+)!: (\w+);$/, "a field, name!: type;");
    const size = type in enumerations ? sizes.i32 : sizes[type];
    if (size === undefined)
      throw new Error(`${field}: expected i32, usize, f64 or an enumeration, got ${type}`);
    at = Math.ceil(at / size) * size;
    found[field] = { type, at };
    at += size;
  }
  return { found, end: at };
}

/** The job's fields that a call gives as whole numbers. @throws where there is another that the host does not know to write */
function numbersOf(job, enumerations) {
  for (const name of ownWay)
    if (!(name in job)) throw new Error(`${name}: expected a field of Job, got none of that name`);
  const rest = Object.entries(job).filter(([name]) => !ownWay.has(name));
  for (const [name, { type }] of rest)
    if (type !== "i32" && !(type in enumerations))
      throw new Error(
        `${name}: expected a whole number, or a name in ownWay (scripts/record.mjs), got ${type}`,
      );
  return rest;
}

const offsets = (found) => Object.fromEntries(Object.entries(found).map(([name, { at }]) => [name, at]));

/** Straight-line code: a loop over names takes 0.3 µs more, a third of the smallest calls. */
function writers(numbers, operands, operandsAt, operandBytes) {
  const number = ([name, { at }]) => `  words[job + ${at / 4}] = fields.${name} ?? 0;`;
  const operand = ([name, index]) =>
    `  write(words, job + ${(operandsAt + index * operandBytes) / 4}, fields.${name});`;
  return `
/** Writes the whole numbers of the job that begins at the word \`job\`. */
export function writeNumbers(words: Int32Array, job: number, fields: Numbers): void {
${numbers.map(number).join("\n")}
}

/** Has \`write\` write every operand of the job that begins at the word \`job\`. */
export function writeOperands<T>(
  words: Int32Array,
  job: number,
  fields: OperandsOf<T>,
  write: (words: Int32Array, at: number, operand: T | undefined) => void,
): void {
${Object.entries(operands).map(operand).join("\n")}
}
`;
}

/** A number that a file of the assembly exports. */
function constant(source, name) {
  const found = source.match(new RegExp(`^export const ${name}: \\w+ = (\\d+);$`, "m"));
  if (!found) throw new Error(`assembly: expected "export const ${name}: type = number;"`);
  return Number(found[1]);
}

/**
 * The text of src/generated/record.ts.
 * @param read gives the text of a file of assembly/ by its name
 */
export function recordModule(read) {
  const source = read("job");
  const enumerations = { Kernel: members(source, "Kernel"), Decay: members(source, "Decay") };
  const operands = members(source, "Operands");
  const job = fields(source, "Job", enumerations);
  const operand = fields(source, "Operand", {});
  const operandsAt = Math.ceil(job.end / 8) * 8; // as Job.operand has it
  const numbers = numbersOf(job.found, enumerations);
  const constants = {
    ...enumerations,
    jobOffset: offsets(job.found),
    operandOffset: offsets(operand.found),
    jobBytes: operandsAt + Object.keys(operands).length * operand.end,
    PANEL_BYTES: constant(read("lanes"), "PANEL"),
    STRIP_BYTES: constant(read("step"), "STRIP"),
    STEP_ROWS: constant(read("step"), "ROWS"),
    INNER_ROWS: constant(read("inverse-layout"), "INNER"),
  };
  const types = [
    ...Object.keys(enumerations).map(
      (name) => `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
    ),
    "export interface Numbers {",
    ...numbers.map(([name, { type }]) => `  readonly ${name}?: ${type === "i32" ? "number" : type};`),
    "}",
    "export interface OperandsOf<T> {",
    ...Object.keys(operands).map((name) => `  readonly ${name}?: T | undefined;`),
    "}",
  ];
  return [
    "// Generated by scripts/record.mjs from the assembly. Offsets are in bytes.",
    ...Object.entries(constants).map(
      ([name, value]) => `export const ${name} = ${JSON.stringify(value)} as const;`,
    ),
    ...types,
    writers(numbers, operands, operandsAt, operand.end),
  ].join("\n");
}
