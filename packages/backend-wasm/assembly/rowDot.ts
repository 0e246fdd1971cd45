import { Job } from "./job";
import { bytes, lanes, madd } from "./lanes";

/** out_i = α x_i · y_i for the rows [from, to) of all batch entries together. */
export function rowDot<T>(job: Job, from: i32, to: i32): void {
  const p = job.p;
  const alpha = <T>job.alpha;
  for (let i = from; i < to; i++) {
    const at = <usize>i * bytes<T>(p);
    store<T>(job.out + bytes<T>(i), alpha * dot<T>(job.x + at, job.y + at, p));
  }
}

function dot<T>(x: usize, y: usize, p: i32): T {
  const step = 2 * lanes<T>();
  let s0 = v128.splat<T>(0);
  let s1 = s0;
  let j = 0;
  for (; j + step <= p; j += step) {
    s0 = madd<T>(s0, v128.load(x), v128.load(y));
    s1 = madd<T>(s1, v128.load(x, 16), v128.load(y, 16));
    x += 32;
    y += 32;
  }
  s0 = v128.add<T>(s0, s1);
  let sum: T = v128.extract_lane<T>(s0, 0) + v128.extract_lane<T>(s0, 1);
  if (sizeof<T>() == 4) sum += v128.extract_lane<T>(s0, 2) + v128.extract_lane<T>(s0, 3);
  for (; j < p; j++) {
    sum += load<T>(x) * load<T>(y);
    x += sizeof<T>();
    y += sizeof<T>();
  }
  return sum;
}
