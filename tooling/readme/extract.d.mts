export interface Fence {
  readonly language: string;
  /** The second word after the opening fence, such as the name of a file. */
  readonly name?: string | undefined;
  /** The line of the opening fence, counted from 1. */
  readonly line: number;
  readonly end: number;
  readonly code: string;
}

export interface Program {
  readonly code: string;
  /** What the ```text block after the program says it prints, trimmed. */
  readonly output: string;
  readonly line: number;
}

export interface RunOptions {
  /** The folder from which bare imports resolve. */
  readonly cwd?: string;
  /** The command that runs the program, which it reads from stdin. Default: this Node. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function fences(markdown: string): Fence[];
export function programs(markdown: string): Program[];
export function installLine(markdown: string): string[];
export function nodeForm(code: string): string;
export function runProgram(code: string, options?: RunOptions): Promise<string>;
export function runReadme(
  file: string,
  options?: RunOptions,
): Promise<{ line: number; expected: string; printed: string }[]>;
