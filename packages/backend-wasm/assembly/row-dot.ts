import { Job, Operands } from "./job";
import { lanes, madd } from "./lanes";
import { ROW_BLOCK } from "./sums";

/** Computes out_i = α x_i · y_i for the rows [from, to) of one batch entry. */
export function rowDot<T>(job: Job, entry: i32, from: i32, to: i32): void {
  const x = job.operand(Operands.x);
  const y = job.operand(Operands.y);
  const out = job.operand(Operands.out);
  const xs = x.row;
  const ys = y.row;
  const os = out.row;
  const p = job.p;
  const alpha = <T>job.alpha;
  let xi = x.entry(entry) + from * xs;
  let yi = y.entry(entry) + from * ys;
  let oi = out.entry(entry) + from * os;
  for (let i = from; i < to; i++) {
    store<T>(oi, alpha * dot<T>(xi, yi, p));
    xi += xs;
    yi += ys;
    oi += os;
  }
}

/**
 * Returns x · y over p elements. Two vectors of sums take turns; each lane adds up blocks of 8 terms, and then the blocks, because one
 * long chain would lose half a unit in the last place at every addition. The last elements, fewer than two vectors, are a sum of their own.
 */
export function dot<T>(x: usize, y: usize, p: i32): T {
  let left = p / (2 * lanes<T>());
  const rest = p - left * (2 * lanes<T>());
  let s0 = v128.splat<T>(0);
  let s1 = s0;
  while (left > 0) {
    const k = min(left, ROW_BLOCK);
    const end = x + k * 32;
    left -= k;
    let c0 = v128.mul<T>(v128.load(x), v128.load(y));
    let c1 = v128.mul<T>(v128.load(x, 16), v128.load(y, 16));
    x += 32;
    y += 32;
    while (x != end) {
      c0 = madd<T>(c0, v128.load(x), v128.load(y));
      c1 = madd<T>(c1, v128.load(x, 16), v128.load(y, 16));
      x += 32;
      y += 32;
    }
    s0 = v128.add<T>(s0, c0);
    s1 = v128.add<T>(s1, c1);
  }
  s0 = v128.add<T>(s0, s1);
  let sum: T = v128.extract_lane<T>(s0, 0) + v128.extract_lane<T>(s0, 1);
  if (sizeof<T>() == 4) sum += v128.extract_lane<T>(s0, 2) + v128.extract_lane<T>(s0, 3);
  let tail: T = 0;
  for (let j = 0; j < rest; j++) {
    tail += load<T>(x) * load<T>(y);
    x += sizeof<T>();
    y += sizeof<T>();
  }
  return sum + tail;
}
