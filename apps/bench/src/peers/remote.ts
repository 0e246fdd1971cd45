import type { Run } from "../harness/index.js";

/** A run in another process, timed there. That it is not ready is told by the first call. */
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
