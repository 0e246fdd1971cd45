export interface Fence {
  readonly language: string;
  /** The second word of the fence's info string. */
  readonly name?: string | undefined;
  /** Of the opening fence, counted from 1. */
  readonly line: number;
  readonly end: number;
  readonly code: string;
}

export interface Program {
  readonly code: string;
  /** What the following ```text block says it prints, trimmed. */
  readonly output: string;
  readonly line: number;
}

export interface RunOptions {
  /** Bare imports resolve from here. */
  readonly cwd?: string;
  /** Reads the program from stdin; default: this Node. */
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
