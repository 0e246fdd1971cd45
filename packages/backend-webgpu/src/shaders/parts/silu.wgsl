//#include logistic
// Multiplies value by silu(y) = y logistic(y).
fn times_silu(value: f32, y: f32) -> f32 {
  let factor = logistic(Sum(y, 0.0));
  return sized(Scaled(value * y * factor.value, factor.exponent));
}

// Multiplies value by the derivative of silu at y.
fn times_silu_slope(value: f32, y: f32) -> f32 {
  let factor = logistic(Sum(y, 0.0));
  let other = 1.0 + sized(logistic(Sum(-y, 0.0))) * near(y);
  return sized(Scaled(value * other * factor.value, factor.exponent));
}

// Multiplies value by logistic(y).
fn times_logistic(value: f32, y: f32) -> f32 {
  let factor = logistic(Sum(y, 0.0));
  return sized(Scaled(value * factor.value, factor.exponent));
}

// Multiplies value by the derivative of logistic at y.
fn times_logistic_slope(value: f32, y: f32) -> f32 {
  let factor = logistic_slope(Sum(y, 0.0));
  return sized(Scaled(value * factor.value, factor.exponent));
}
