// How long a test may wait, in milliseconds. No test asserts a time. A limit is there to end what hangs, so it is far beyond what the
// slowest step takes on a machine that is busy with other things, such as a browser that starts, a bundler or a child process.
export const WAIT_MS = 300_000;

const all = (ms) => ({ testTimeout: ms, hookTimeout: ms, teardownTimeout: WAIT_MS });

/** The limits for the `test` part of every vitest configuration. Those of `test:long` are the second, since its cases take minutes. */
export const limits = all(WAIT_MS);
export const longLimits = all(3_600_000);
