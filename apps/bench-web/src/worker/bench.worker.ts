import type { BenchCommand, BenchEvent } from "../protocol.js";
import { look } from "./contenders.js";
import { run } from "./run.js";
import { serve } from "./scope.js";

serve<BenchCommand, BenchEvent>(
  async (command, tell) => {
    if (command.type === "look") tell({ type: "found", found: await look(command.threads) });
    else await run(command.request, command.threads, tell);
  },
  (message) => ({ type: "failed", message }),
);
