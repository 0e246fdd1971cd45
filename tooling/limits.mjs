// How long a test may wait. No test asserts a time; a limit is there to end what hangs, so it is far beyond what the
// slowest step takes on a machine that is busy with other things: a browser that starts, a bundler, a child process.
export const WAIT_MS = 300_000;

const all = (ms) => ({ testTimeout: ms, hookTimeout: ms, teardownTimeout: WAIT_MS });

/** For the `test` part of every vitest configuration; of `test:long`, whose cases take minutes, the second. */
export const limits = all(WAIT_MS);
export const longLimits = all(3_600_000);
