#!/usr/bin/env node
import { handlers } from "./cli/handlers.js";
import { refuseMoved } from "./cli/moved.js";
import { program } from "./cli/program.js";

try {
  const args = process.argv.slice(2);
  refuseMoved(args);
  await program(handlers(args)).parseAsync(args, { from: "user" });
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
