// Finds and runs the programs of a Markdown file: a ```js block directly followed by a ```text block is a program and what it prints.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const FENCE = /^( {0,3})(`{3,})([^`]*)$/;

/** Returns every fenced block, in order. @throws Error for a fence that is never closed, where half a program would pass unseen */
export function fences(markdown) {
  const found = [];
  let open;
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    const fence = FENCE.exec(line);
    if (open === undefined) {
      if (fence) open = { ticks: fence[2], info: fence[3].trim(), line: index + 1, body: [] };
    } else if (fence && fence[3].trim() === "" && fence[2].length >= open.ticks.length) {
      const [language = "", name] = open.info.split(/\s+/);
      found.push({ language, name, line: open.line, end: index + 1, code: open.body.join("\n") });
      open = undefined;
    } else {
      open.body.push(line);
    }
  }
  if (open) throw new Error(`line ${open.line}: a fence is never closed`);
  return found;
}

/** Returns the programs with their output. Only blank lines may stand between the two blocks. */
export function programs(markdown) {
  const lines = markdown.split(/\r?\n/);
  const blocks = fences(markdown);
  return blocks.flatMap((block, i) => {
    const next = blocks[i + 1];
    if (block.language !== "js" || next?.language !== "text") return [];
    if (lines.slice(block.end, next.line - 1).some((line) => line.trim() !== "")) return [];
    return [{ code: block.code, output: next.code.trim(), line: block.line }];
  });
}

/** Returns the words of the `npm install …` lines with which a README tells its reader to begin. */
export function installLine(markdown) {
  const lines = [...markdown.matchAll(/^[^\S\n]*npm (?:install|i) +([^#\n]+)/gm)];
  return [...new Set(lines.flatMap(([, words]) => words.trim().split(/\s+/)))];
}

/** Returns a program for pages in the form that Node needs, where WebGPU comes from the entry that loads Dawn. */
export function nodeForm(code) {
  return code.replaceAll('from "@dlrt/backend-webgpu"', 'from "@dlrt/backend-webgpu/node"');
}

/** Runs a program as an ES module whose bare imports resolve from `cwd`; resolves to what it printed. */
export function runProgram(
  code,
  { cwd, command = [process.execPath, "--input-type=module", "-"], env } = {},
) {
  return new Promise((resolve, reject) => {
    const [file, ...args] = command;
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, NODE_OPTIONS: undefined, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      if (status === 0) resolve(stdout.replaceAll("\r\n", "\n").trim());
      else reject(new Error(`a program ended with ${signal ?? status}:\n${code}\n\n${stdout}${stderr}`));
    });
    child.stdin.on("error", () => {}); // a child that ends before it has read everything is told of by `close`
    child.stdin.end(code);
  });
}

/** Runs every program of a Markdown file in Node. Returns for each what it should print and what it printed. */
export async function runReadme(file, options) {
  const results = [];
  for (const { code, output, line } of programs(readFileSync(file, "utf8"))) {
    results.push({ line, expected: output, printed: await runProgram(nodeForm(code), options) });
  }
  return results;
}
