import { Command, InvalidArgumentError, Option } from "commander";

export interface CliOptions {
  readonly backend?: string;
  readonly cases?: number;
  readonly seed?: number;
  readonly maxN?: number;
  readonly maxWork?: number;
  /** The limit in milliseconds. The command line takes seconds. */
  readonly stepTimeout?: number;
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly json?: string;
  readonly markdown?: string;
  readonly list?: boolean;
  readonly layers?: boolean;
}

const HELP = `
Examples:
  npx @dlrt/conformance --backend ./my-backend.js
  npx @dlrt/conformance --backend @dlrt/backend-js#createJsBackend --cases 400
  npx @dlrt/conformance --backend ./my-backend.js --only solve "exact class" --max-n 1000
  npx @dlrt/conformance --backend ./my-backend.js --seed 1713749045       what a failure named, again
  npx @dlrt/conformance --backend ./my-backend.js --json report.json --markdown badges.md
  npx @dlrt/conformance --list --only gradients
  npx @dlrt/conformance --backend ./my-backend.js --layers --only gatedDeltaRule

The backend runs in a process of its own, and what it prints goes to stderr. Whatever it does, the report is
written. A step that does not settle in time fails its case, by name, and the run goes on with a new backend;
after three of them it gives up. Where a call never returns, or the backend ends its process, the case that
ran has failed and the run breaks off: the report lists the rest as not run.

Exit code: 0 all passed; 1 something failed, or the backend broke the run off; 2 wrong usage, which is also
a module that does not load and a factory whose first call throws: there is no report then.
`;

/** Reads seconds, and returns milliseconds. */
function seconds(text: string): number {
  const value = 1000 * Number(text);
  if (text.trim() !== "" && value >= 1 && value < 2 ** 31) return value;
  throw new InvalidArgumentError("Expected seconds, at least 0.001 and fewer than 2147483.");
}

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  };
}

export function program(): Command {
  const number = (flags: string, about: string, least: number): Option =>
    new Option(flags, about).argParser(integer(least));
  return new Command("dlrt-conformance")
    .description("Judges a backend of @dlrt/core, and prints what held.")
    .option(
      "--backend <module[#export]>",
      "a file or a package; without #export its one function named create…, or its default export",
    )
    .option("--layers", "judge the layers of @dlrt/linear-attention on the backend, not its kernels")
    .addOption(number("--cases <count>", "random cases of each property, default 30", 1))
    .addOption(number("--seed <number>", "where random cases start, default 1", 0))
    .addOption(number("--max-n <size>", "largest n and batch, default 65537", 1))
    .addOption(
      number("--max-work <count>", "largest batch·n·r·p, of an inverse batch·n², default 2²¹ = 2097152", 1),
    )
    .addOption(
      new Option(
        "--step-timeout <seconds>",
        "time for create, a read, a dispose, or any one call, default 60",
      ).argParser(seconds),
    )
    .option("--only <parts...>", 'only cases whose "suite › name" contains one of these')
    .option("--skip <parts...>", "not those that contain one of these")
    .option("--json <file>", "write the report as JSON; - prints it instead of the text")
    .option("--markdown <file>", "write a table of badges as Markdown; - prints it instead of the text")
    .option("--list", "name the cases, and run nothing")
    .addHelpText("after", HELP)
    .exitOverride();
}
