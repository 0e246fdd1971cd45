// e^x for four sums x of gaps. Each comes in two parts, a multiple of 2⁻¹⁰ (`high`) and what is missing of x (`low`), so that differences of
// sums stay exact. With x = n log 2 + ρ it is 2ⁿ (1 + (e^ρ − 1)), and 0 where 2ⁿ is below the normal numbers.
//#for real in "vec4<f32>"
//#include reduce
//#end
struct Exponential {
  power: vec4<f32>, // 2ⁿ
  beyond: vec4<f32>, // e^ρ − 1
}

fn exponential(high: vec4<f32>, low: vec4<f32>) -> Exponential {
  let parts = reduce(high, low);
  let bits = vec4<u32>(vec4<i32>(clamp(parts.n, vec4<f32>(-127.0), vec4<f32>(128.0))) + vec4<i32>(127));
  return Exponential(bitcast<vec4<f32>>(bits << vec4<u32>(23u)), parts.beyond);
}

fn decay_by(high: vec4<f32>, low: vec4<f32>) -> vec4<f32> {
  let factor = exponential(high, low);
  return factor.power * (1.0 + factor.beyond);
}
