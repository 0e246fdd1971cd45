// What the build takes from the assembly for the host, and what it refuses.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { recordModule } from "../scripts/record.mjs";

const folder = (path: string): string => readFileSync(new URL(`../${path}.ts`, import.meta.url), "utf8");

/** The assembly with one line of one file replaced. */
const changed =
  (file: string, line: string, into: string) =>
  (name: string): string => {
    const source = folder(`assembly/${name}`);
    if (name !== file) return source;
    expect(source.split(line).length, line).toBe(2);
    return source.replace(line, into);
  };

test("the host's record is the assembly's", () => {
  expect(recordModule((name) => folder(`assembly/${name}`))).toBe(folder("src/generated/record"));
});

test("a number field is written by the host without a change there, and moves what comes after it", () => {
  const text = recordModule(changed("job", "  keptRows!: i32;\n", "  taps!: i32;\n  keptRows!: i32;\n"));
  expect(text).toContain("readonly taps?: number;");
  expect(text).toMatch(
    /words\[job \+ 21\] = fields\.taps \?\? 0;\n {2}words\[job \+ 22\] = fields\.keptRows \?\? 0;/,
  );
  expect(text).toContain('"scratch":92');
});

test.each([
  [
    "a field in another form",
    "job",
    "  n!: i32;\n",
    "  n: i32 = 0;\n",
    /expected a field, name!: type;, got "n: i32 = 0;"/,
  ],
  ["a field with a word after it", "job", "  n!: i32;\n", "  n!: i32; // rows\n", /expected a field/],
  [
    "a type of no known size",
    "job",
    "  n!: i32;\n",
    "  n!: bool;\n",
    /n: expected i32, usize, f64 or an enumeration, got bool/,
  ],
  [
    "a number that the host cannot write",
    "job",
    "  n!: i32;\n",
    "  n!: i32;\n  beta!: f64;\n",
    /beta: expected a whole number/,
  ],
  [
    "no field that the host writes in its own way",
    "job",
    "  alpha!: f64;\n",
    "",
    /alpha: expected a field of Job/,
  ],
  [
    "a member with a number of its own",
    "job",
    "  apply,\n",
    "  apply = 7,\n",
    /expected a member, got "apply = 7,"/,
  ],
  [
    "a size that is no plain number",
    "lanes",
    "PANEL: usize = 32;",
    "PANEL: usize = 16 * 2;",
    /expected "export const PANEL/,
  ],
] as const)("%s is refused", (_, file, line, into, message) => {
  expect(() => recordModule(changed(file, line, into))).toThrow(message);
});
