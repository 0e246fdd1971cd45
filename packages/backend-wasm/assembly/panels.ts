import { bytes, PANEL, width } from "./lanes";

/** Copies the rows of a matrix into a whole panel. */
export function copyRows(from: usize, fs: usize, rows: i32, panel: usize): void {
  for (; rows > 0; rows--) {
    v128.store(panel, v128.load(from));
    v128.store(panel, v128.load(from, 16), 16);
    from += fs;
    panel += PANEL;
  }
}

/** Copies the rows of a matrix into a panel, with zeros in the columns past `cols`. */
export function loadPanel<T>(from: usize, fs: usize, rows: i32, cols: i32, panel: usize): void {
  const whole = bytes<T>(cols);
  for (; rows > 0; rows--) {
    for (let j: usize = 0; j < whole; j += sizeof<T>()) store<T>(panel + j, load<T>(from + j));
    for (let j = whole; j < PANEL; j += sizeof<T>()) store<T>(panel + j, 0);
    from += fs;
    panel += PANEL;
  }
}

/** Copies the first `cols` columns of a panel's rows into a matrix. */
export function storePanel<T>(panel: usize, rows: i32, cols: i32, to: usize, ts: usize): void {
  const whole = bytes<T>(cols);
  for (; rows > 0; rows--) {
    for (let j: usize = 0; j < whole; j += sizeof<T>()) store<T>(to + j, load<T>(panel + j));
    to += ts;
    panel += PANEL;
  }
}

/**
 * Loads `cols` columns of a state [r, stride bytes] into panels of Z that are `zs` bytes apart. Where the state is 0
 * (absent), Z becomes zeros.
 */
export function loadState<T>(state: usize, stride: usize, r: i32, cols: i32, z: usize, zs: usize): void {
  for (; cols > 0; cols -= width<T>()) {
    memory.fill(z, 0, zs);
    if (state) {
      loadPanel<T>(state, stride, r, min(width<T>(), cols), z);
      state += PANEL;
    }
    z += zs;
  }
}

/** Does the reverse of loadState. */
export function storeState<T>(state: usize, stride: usize, r: i32, cols: i32, z: usize, zs: usize): void {
  for (; cols > 0; cols -= width<T>()) {
    storePanel<T>(z, r, min(width<T>(), cols), state, stride);
    state += PANEL;
    z += zs;
  }
}

/** Keeps the compiler from removing the reads of `touch`, whose results nobody uses. */
let touched: i32 = 0;

/** Reads every cache line of the rows ahead, so that they are in the cache when they are needed. */
export function touch(from: usize, stride: usize, rows: i32, length: usize): void {
  let sum = touched;
  for (; rows > 0; rows--) {
    for (let j: usize = 0; j < length; j += 64) sum += load<u8>(from + j);
    from += stride;
  }
  touched = sum;
}
