// What assembly/job.ts says of the job record, as a module for the host: so both sides have one description of it.

const sizes = { i32: 4, usize: 4, f64: 8 };

function bodyOf(source, declaration) {
  const start = source.indexOf(`export ${declaration} {\n`);
  const end = source.indexOf("\n}\n", start);
  if (start < 0 || end < 0) throw new Error(`assembly/job.ts: expected "export ${declaration} {"`);
  return source.slice(start, end).split("\n").slice(1);
}

function members(source, name) {
  const found = bodyOf(source, `enum ${name}`).flatMap((line) => line.match(/^ {2}(\w+),$/)?.[1] ?? []);
  return Object.fromEntries(found.map((member, index) => [member, index]));
}

/** Byte offsets of a class's fields, each aligned to its size, and the bytes of all. */
function fields(source, name) {
  const offsets = {};
  let at = 0;
  for (const line of bodyOf(source, `class ${name}`)) {
    const [, field, type] = line.match(/^ {2}(\w+)!: (\w+);$/) ?? [];
    if (field === undefined) continue;
    const size = sizes[type] ?? sizes.i32; // an enumeration is an i32
    at = Math.ceil(at / size) * size;
    offsets[field] = at;
    at += size;
  }
  return { offsets, bytes: Math.ceil(at / 8) * 8 };
}

/** The text of src/generated/record.ts. */
export function recordModule(source) {
  const job = fields(source, "Job");
  const operand = fields(source, "Operand");
  const operandBytes = Object.keys(operand.offsets).length * sizes.i32;
  const constants = {
    Kernel: members(source, "Kernel"),
    Decay: members(source, "Decay"),
    operandIndex: members(source, "Operands"),
    jobOffset: job.offsets,
    operandOffset: operand.offsets,
    operandsAt: job.bytes,
    operandBytes,
  };
  const lines = Object.entries(constants).map(
    ([name, value]) => `export const ${name} = ${JSON.stringify(value)} as const;\n`,
  );
  return `// Generated from assembly/job.ts. Offsets are in bytes.\n${lines.join("")}`;
}
