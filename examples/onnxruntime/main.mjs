// node main.mjs [tokens] [heads] [width] [repetitions] compares and times the layer in Node, with onnxruntime's token mixer and with ours.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { fetchedVersion, PEERS } from "@dlrt/peers";
import { report } from "./measure.mjs";

/** Compares the two in a process of its own. @param request has the `name` of the runtime, `tokens`, `heads`, `width` and `repetitions` */
export async function compareIn(request) {
  const child = fork(fileURLToPath(new URL("child.mjs", import.meta.url)), { serialization: "advanced" });
  const ended = once(child, "exit").then(([code, signal]) => [{ error: `ended with ${signal ?? code}` }]);
  child.send(request);
  const [{ answer, error }] = await Promise.race([once(child, "message"), ended]);
  if (error !== undefined) throw new Error(`${request.name}: ${error}`);
  return answer;
}

async function main([tokens = 1024, heads = 8, width = 512, repetitions = 9]) {
  console.log(`${tokens} tokens of width ${width}, ${heads} heads of ${width / heads}`);
  for (const name of Object.keys(PEERS)) {
    if (fetchedVersion(name) === undefined)
      console.log(`${name} ${PEERS[name]} is not here: pnpm bench peers fetches it`);
    else console.log(report(await compareIn({ name, tokens, heads, width, repetitions })));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2).map(Number));
