/** The text of src/generated/record.ts, from the files of assembly/, which `read` gives by name. */
export function recordModule(read: (name: string) => string): string;
