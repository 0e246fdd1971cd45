//#include scaled
//#for real in "f32"
//#include reduce
//#end
const FAR = 1e5; // e^FAR and e^−FAR act as ∞ and 0, whatever number they are multiplied by

// The sum x + y, with what its rounding loses (Knuth's two-sum), because softplus and logistic of a negative argument multiply its error by
// its size.
struct Sum {
  high: f32,
  low: f32,
}

fn sum_of(x: f32, y: f32) -> Sum {
  let high = x + y;
  let of_y = high - x;
  let low = (x - (high - of_y)) + (y - of_y);
  return Sum(high, select(0.0, low, abs(high) < FAR));
}

// Limits x to −FAR … FAR. It compares, because WGSL's clamp may turn a NaN into a number.
fn near(x: f32) -> f32 {
  return select(select(x, -FAR, x < -FAR), FAR, x > FAR);
}

// eˣ
fn exp_of(x: Sum) -> Scaled {
  let parts = reduce(near(x.high), x.low);
  return Scaled(1.0 + parts.beyond, i32(parts.n));
}

// e^−|x|
fn exp_below(x: Sum) -> Scaled {
  let sign = select(1.0, -1.0, x.high > 0.0);
  return exp_of(Sum(sign * x.high, sign * x.low));
}

// log(1 + t) / t for 0 ≤ t ≤ 1, by the series of 2 artanh(z) with z = t / (2 + t).
fn log1p_ratio(t: f32) -> f32 {
  let over = inverse(2.0 + t);
  let z = t * over;
  let w = z * z;
  var series = w / 15.0 + 1.0 / 13.0;
  series = w * series + 1.0 / #{d}.0; //#for d in 11, 9, 7, 5, 3
  return 2.0 * over * (1.0 + w * series);
}

// log(1 + eˣ)
fn softplus(x: Sum) -> Scaled {
  let e = exp_below(x);
  let t = sized(e);
  let ratio = log1p_ratio(t);
  if (x.high > 0.0) {
    return Scaled(x.high + (x.low + t * ratio), 0);
  }
  return Scaled(e.value * ratio, e.exponent);
}

// 1 / (1 + e^−x)
fn logistic(x: Sum) -> Scaled {
  let e = exp_below(x);
  let over = inverse(1.0 + sized(e));
  if (x.high > 0.0) {
    return Scaled(over, 0);
  }
  return Scaled(e.value * over, e.exponent);
}

// The derivative of logistic, logistic(x) logistic(−x)
fn logistic_slope(x: Sum) -> Scaled {
  let e = exp_below(x);
  let over = inverse(1.0 + sized(e));
  return Scaled(e.value * over * over, e.exponent);
}
