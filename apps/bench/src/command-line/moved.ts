import { ValueError } from "@dlrt/core";

/** Flags that chose a mode, before each mode was a command. */
const MOVED = {
  "--scaling": "bench scaling [file]",
  "--gpu-report": "bench gpu",
  "--charts": "bench charts FILE…",
  "--compare": "bench compare FILE",
};

/** @throws ValueError naming the command that does what a flag of before did */
export function refuseMoved(args: readonly string[]): void {
  for (const arg of args) {
    const [flag] = arg.split("=", 1);
    const command = MOVED[flag as keyof typeof MOVED] as string | undefined;
    if (command !== undefined) throw new ValueError(flag!, `the command ${command}`, "the flag of before");
  }
}
