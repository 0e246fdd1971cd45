// e^x for a sum x of gaps, which is given in two parts: `high`, a multiple of 2⁻¹⁰, and `low`, what is missing of x. It is
// 2ⁿ (1 + (e^ρ − 1)), with x = n log 2 + ρ, and 0 where 2ⁿ would be no normal number. WGSL's own exp may be off by 3 + 2|x|
// units in the last place; this is by about one. n log 2 is subtracted in two parts, the first of which is exact.
struct Exponential {
  power: vec4<f32>, // 2ⁿ
  beyond: vec4<f32>, // e^ρ − 1
}

fn exponential(high: vec4<f32>, low: vec4<f32>) -> Exponential {
  let n = round(high * 1.44269504);
  let rho = ((high - n * 0.693359375) + n * 2.12194440e-4) + low;
  var series = rho * 1.9875691500e-4 + 1.3981999507e-3;
  series = rho * series + 8.3334519073e-3;
  series = rho * series + 4.1665795894e-2;
  series = rho * series + 1.6666665459e-1;
  series = rho * series + 5.0000001201e-1;
  let bits = vec4<u32>(vec4<i32>(clamp(n, vec4<f32>(-127.0), vec4<f32>(128.0))) + vec4<i32>(127));
  return Exponential(bitcast<vec4<f32>>(bits << vec4<u32>(23u)), rho + rho * rho * series);
}

fn decay_by(high: vec4<f32>, low: vec4<f32>) -> vec4<f32> {
  let factor = exponential(high, low);
  return factor.power * (1.0 + factor.beyond);
}
