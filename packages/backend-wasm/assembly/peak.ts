/**
 * The ceiling of a kernel without fused multiply-add: seven chains of products and seven of sums that never leave
 * the registers, 14 vector operations a round. Built into a module of its own, for benchmarks.
 */
function peak<T>(rounds: i32): f64 {
  const x = v128.splat<T>(<T>1.0000001);
  let a = v128.splat<T>(<T>1);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let s = v128.splat<T>(<T>0);
  let t = s;
  let u = s;
  let v = s;
  let w = s;
  let y = s;
  let z = s;
  for (let i = rounds; i > 0; i--) {
    a = v128.mul<T>(a, x);
    s = v128.add<T>(s, x);
    b = v128.mul<T>(b, x);
    t = v128.add<T>(t, x);
    c = v128.mul<T>(c, x);
    u = v128.add<T>(u, x);
    d = v128.mul<T>(d, x);
    v = v128.add<T>(v, x);
    e = v128.mul<T>(e, x);
    w = v128.add<T>(w, x);
    f = v128.mul<T>(f, x);
    y = v128.add<T>(y, x);
    g = v128.mul<T>(g, x);
    z = v128.add<T>(z, x);
  }
  a = v128.add<T>(v128.add<T>(v128.add<T>(a, b), v128.add<T>(c, d)), v128.add<T>(v128.add<T>(e, f), g));
  s = v128.add<T>(v128.add<T>(v128.add<T>(s, t), v128.add<T>(u, v)), v128.add<T>(v128.add<T>(w, y), z));
  return <f64>v128.extract_lane<T>(v128.add<T>(a, s), 0);
}

/** 56 flops a round. */
export function peakF32(rounds: i32): f64 {
  return peak<f32>(rounds);
}

/** 28 flops a round. */
export function peakF64(rounds: i32): f64 {
  return peak<f64>(rounds);
}
