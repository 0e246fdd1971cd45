/** What suites demand of whole arrays. */
import { demand } from "./trial.js";

type Numbers = ArrayLike<number>;

function demandEach(
  what: string,
  got: Numbers,
  want: Numbers,
  same: (a: number, b: number) => boolean,
): void {
  demand(got.length === want.length, `${what}: ${got.length} elements, expected ${want.length}`);
  let at = 0;
  while (at < want.length && same(got[at]!, want[at]!)) at++;
  demand(at === want.length, `${what}: element ${at} is ${got[at]}, expected exactly ${want[at]}`);
}

/** Demands equal numbers, where −0 and 0 are one. @throws ConformanceError, which names the first that differs */
export function demandEqual(what: string, got: Numbers, want: Numbers): void {
  demandEach(what, got, want, (a, b) => a === b);
}

/** Demands the same bits: NaN equals NaN, and −0 is not 0. @throws ConformanceError, which names the first element that differs */
export function demandBits(what: string, got: Numbers, want: Numbers): void {
  demandEach(what, got, want, Object.is);
}
