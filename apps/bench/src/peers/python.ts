import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";

/** A Python that runs a program of assets/ and waits for lines. One BLAS thread. */
export class Python {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #said = "";
  #ended: Error | undefined;

  constructor(program: string) {
    const path = join(import.meta.dirname, "..", "..", "assets", program);
    const env = { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
    this.#child = spawn("python3", [path], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface(this.#child.stdout!);
    this.#lines.on("line", (line) => this.#waiting.shift()?.resolve(line));
    this.#child.stdin!.on("error", () => undefined); // it ended: told by "close"
    this.#child.stderr!.on("data", (text) => (this.#said += String(text)));
    const end = (why: string): void => {
      this.#ended ??= new Error(why);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    };
    this.#child.on("error", (error) => end(error.message));
    this.#child.on("close", () => end(this.#said.trim().split("\n").at(-1) ?? "python3 ended"));
  }

  line(): Promise<string> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  ask(job: object): Promise<string> {
    const answer = this.line();
    this.#child.stdin!.write(`${JSON.stringify(job)}\n`);
    return answer;
  }

  end(): void {
    this.#child.kill();
  }
}
