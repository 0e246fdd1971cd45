/** Returns the largest difference of two arrays, relative to the largest element of the second. */
export function distance(a, b) {
  if (a.length !== b.length) return Infinity;
  const size = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0) / size;
}

/**
 * Measures each run in milliseconds: { name: [fastest, median] }. They take turns, so that whatever else the machine does slows all of them
 * alike.
 */
export async function timesOf(runs, repetitions) {
  const times = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  for (let i = -1; i < repetitions; i++) {
    for (const [name, run] of Object.entries(runs)) {
      const start = performance.now();
      await run();
      if (i >= 0) times[name].push(performance.now() - start); // the first round warms up
    }
  }
  const entries = Object.entries(times).map(([name, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    return [name, [sorted[0], sorted[Math.floor(sorted.length / 2)]]];
  });
  return Object.fromEntries(entries);
}

export const NAMES = {
  theirs: "the model, LinearAttention of onnxruntime",
  ours: "the model, gatedDeltaRule of ours",
  theirMixer: "the token mixer alone, of onnxruntime",
  ourMixer: "the token mixer alone, of ours",
};

/** Writes a report. */
export function report({ title, times, differences }) {
  const rows = Object.entries(times).map(
    ([name, [least, median]]) =>
      `  ${NAMES[name].padEnd(44)}${least.toFixed(2).padStart(9)}${median.toFixed(2).padStart(9)}`,
  );
  const apart = Object.entries(differences).map(([name, x]) => `${name} ${x.toExponential(1)}`);
  return [
    title,
    `  ${"".padEnd(44)}${"fastest".padStart(9)}${"median".padStart(9)} ms`,
    ...rows,
    `  largest difference, relative: ${apart.join(", ")}`,
  ].join("\n");
}
