/** Powers of ten within both ends; with their halves and fifths where those are fewer than three. */
export function decades(low: number, high: number): number[] {
  const inside = (steps: readonly number[]): number[] => {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      found.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(3))));
    }
    return found.filter((value) => value >= low && value <= high);
  };
  const tens = inside([1]);
  return tens.length > 2 ? tens : inside([1, 2, 5]);
}

/** Room that a size's figures need. */
const ROOM = 56;

/** Those of ascending sizes whose figures stand apart on a logarithmic axis of so many pixels; the largest always. */
export function spread(sizes: readonly number[], width: number): number[] {
  const [first, last] = [sizes[0] ?? 1, sizes.at(-1) ?? 1];
  const scale = last > first ? width / Math.log(last / first) : 0;
  const kept: number[] = [];
  for (const size of sizes.toReversed()) {
    const next = kept.at(-1);
    if (next === undefined || Math.log(next / size) * scale >= ROOM) kept.push(size);
  }
  return kept.toReversed();
}
