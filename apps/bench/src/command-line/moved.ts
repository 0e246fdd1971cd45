import { ValueError } from "@dlrt/core";

/** The flags that chose a mode in earlier versions, and the commands that do the same now. */
const MOVED = {
  "--scaling": "bench scaling [file]",
  "--gpu-report": "bench gpu",
  "--charts": "bench charts FILE…",
  "--compare": "bench compare FILE",
};

/** @throws ValueError for a flag of earlier versions, naming the command that does the same now */
export function refuseMoved(args: readonly string[]): void {
  for (const arg of args) {
    const [flag] = arg.split("=", 1);
    const command = MOVED[flag as keyof typeof MOVED] as string | undefined;
    if (command !== undefined) throw new ValueError(flag!, `the command ${command}`, "the flag of before");
  }
}
