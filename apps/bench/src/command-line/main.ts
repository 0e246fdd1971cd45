#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { messageOf } from "../harness/index.js";
import { handlers } from "./handlers.js";
import { refuseMoved } from "./moved.js";
import { program } from "./program.js";

/** The exit code where a request could not be understood or not be carried out; 1 means a wrong answer. */
const MISUSE = 2;

try {
  const args = process.argv.slice(2);
  refuseMoved(args);
  const bench = program(handlers(args), new Command("bench").exitOverride());
  await bench.parseAsync(args, { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : MISUSE; // commander has said what is wrong
  } else {
    process.stderr.write(`bench: ${messageOf(error)}\n`);
    process.exitCode = MISUSE;
  }
}
