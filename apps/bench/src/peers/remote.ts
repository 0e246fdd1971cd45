import type { Run } from "../harness/index.js";

/** A run in another process, timed there. Where `ready` is rejected, the first call is. */
export function remoteRun(
  ready: Promise<unknown>,
  { times, ...run }: Required<Pick<Run, "times" | "read" | "close">>,
): Run {
  ready.catch(() => undefined);
  const timed = async (calls: number): Promise<readonly number[]> => {
    await ready;
    return times(calls);
  };
  return { ...run, times: timed, call: async () => void (await timed(1)) };
}
