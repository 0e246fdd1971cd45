import { bytes, madd } from "./lanes";
import { STRIP } from "./step";
import { blockOf } from "./sums";
import { Apart, Plain, Together } from "./update";

/** Computes Zᵀ p for one strip of Z, the sum over the rank cut into blocks as sums.ts says. */
export function readStrip<T>(z: usize, zs: usize, r: i32, p: usize, sum: usize): void {
  const stop = p + bytes<T>(r);
  const block = bytes<T>(blockOf(r));
  let s0 = v128.splat<T>(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  do {
    const end = min(p + block, stop);
    let x = v128.load_splat<T>(p);
    let c0 = v128.mul<T>(x, v128.load(z));
    let c1 = v128.mul<T>(x, v128.load(z, 16));
    let c2 = v128.mul<T>(x, v128.load(z, 32));
    let c3 = v128.mul<T>(x, v128.load(z, 48));
    z += zs;
    p += sizeof<T>();
    if (p != end) {
      do {
        x = v128.load_splat<T>(p);
        c0 = madd<T>(c0, x, v128.load(z));
        c1 = madd<T>(c1, x, v128.load(z, 16));
        c2 = madd<T>(c2, x, v128.load(z, 32));
        c3 = madd<T>(c3, x, v128.load(z, 48));
        z += zs;
        p += sizeof<T>();
      } while (p != end);
    }
    s0 = v128.add<T>(s0, c0);
    s1 = v128.add<T>(s1, c1);
    s2 = v128.add<T>(s2, c2);
    s3 = v128.add<T>(s3, c3);
  } while (p != stop);
  v128.store(sum, s0);
  v128.store(sum, s1, 16);
  v128.store(sum, s2, 32);
  v128.store(sum, s3, 48);
}

/**
 * Updates Z ← diag(s + e) Z + k uᵀ for one strip and computes α Zᵀ q. The product s Z is exact, because s is a power of
 * 2. Afterwards `u` is scratch.
 */
export function writeStrip<T, D>(
  z: usize,
  zs: usize,
  to: usize,
  ts: usize,
  r: i32,
  k: usize,
  q: usize,
  s: usize,
  e: usize,
  u: usize,
  alpha: v128,
  out: usize,
): void {
  const u0 = v128.load(u);
  const u1 = v128.load(u, 16);
  const u2 = v128.load(u, 32);
  const u3 = v128.load(u, 48);
  const stop = k + bytes<T>(r);
  const block = bytes<T>(blockOf(r));
  const zero = v128.splat<T>(0);
  v128.store(u, zero);
  v128.store(u, zero, 16);
  v128.store(u, zero, 32);
  v128.store(u, zero, 48);
  // A factor that all rows share stays in registers.
  let sk = zero;
  let ek = zero;
  if (sizeof<D>() == sizeof<Together>()) {
    sk = v128.load_splat<T>(s);
    ek = v128.load_splat<T>(e);
  }
  do {
    const end = min(k + block, stop);
    let c0 = zero;
    let c1 = zero;
    let c2 = zero;
    let c3 = zero;
    do {
      const x = v128.load_splat<T>(k);
      const y = v128.load_splat<T>(q);
      if (sizeof<D>() == sizeof<Apart>()) {
        sk = v128.load_splat<T>(s);
        ek = v128.load_splat<T>(e);
        s += sizeof<T>();
        e += sizeof<T>();
      }
      const z0 = added<T, D>(v128.load(z), x, u0, sk, ek);
      const z1 = added<T, D>(v128.load(z, 16), x, u1, sk, ek);
      const z2 = added<T, D>(v128.load(z, 32), x, u2, sk, ek);
      const z3 = added<T, D>(v128.load(z, 48), x, u3, sk, ek);
      v128.store(to, z0);
      v128.store(to, z1, 16);
      v128.store(to, z2, 32);
      v128.store(to, z3, 48);
      c0 = madd<T>(c0, y, z0);
      c1 = madd<T>(c1, y, z1);
      c2 = madd<T>(c2, y, z2);
      c3 = madd<T>(c3, y, z3);
      z += zs;
      to += ts;
      k += sizeof<T>();
      q += sizeof<T>();
    } while (k != end);
    v128.store(u, v128.add<T>(v128.load(u), c0));
    v128.store(u, v128.add<T>(v128.load(u, 16), c1), 16);
    v128.store(u, v128.add<T>(v128.load(u, 32), c2), 32);
    v128.store(u, v128.add<T>(v128.load(u, 48), c3), 48);
  } while (k != stop);
  for (let j: usize = 0; j < STRIP; j += 16) v128.store(out + j, v128.mul<T>(alpha, v128.load(u + j)));
}

/** Returns s z + (k u + e z), which is z + k u where the state does not decay. */
function added<T, D>(z: v128, k: v128, u: v128, s: v128, e: v128): v128 {
  if (sizeof<D>() == sizeof<Plain>()) return madd<T>(z, k, u);
  return v128.add<T>(v128.mul<T>(s, z), madd<T>(v128.mul<T>(k, u), e, z));
}

/** Updates Z ← diag(s + e) Z + k uᵀ for one strip. */
export function addStrip<T, D>(
  z: usize,
  zs: usize,
  to: usize,
  ts: usize,
  r: i32,
  k: usize,
  s: usize,
  e: usize,
  u: usize,
): void {
  const u0 = v128.load(u);
  const u1 = v128.load(u, 16);
  const u2 = v128.load(u, 32);
  const u3 = v128.load(u, 48);
  const stop = k + bytes<T>(r);
  let sk = v128.splat<T>(0);
  let ek = sk;
  do {
    const x = v128.load_splat<T>(k);
    if (sizeof<D>() != sizeof<Plain>()) {
      sk = v128.load_splat<T>(s);
      ek = v128.load_splat<T>(e);
      s += sizeof<T>();
      e += sizeof<T>();
    }
    const z0 = added<T, D>(v128.load(z), x, u0, sk, ek);
    const z1 = added<T, D>(v128.load(z, 16), x, u1, sk, ek);
    const z2 = added<T, D>(v128.load(z, 32), x, u2, sk, ek);
    const z3 = added<T, D>(v128.load(z, 48), x, u3, sk, ek);
    v128.store(to, z0);
    v128.store(to, z1, 16);
    v128.store(to, z2, 32);
    v128.store(to, z3, 48);
    z += zs;
    to += ts;
    k += sizeof<T>();
  } while (k != stop);
}
