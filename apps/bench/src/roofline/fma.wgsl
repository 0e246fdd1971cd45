// Multiply-adds in registers and nothing else: chains of vec4 that do not depend on each other.
// With factor = step = 1, which no compiler knows, every sum is a whole number below 2²⁴: exact, and it tells how many
// multiply-adds were done.

override THREADS: u32 = 256;
override FUSED: bool = true; // fma(); else a · b + c, which a compiler may fuse
override EIGHT: bool = true; // chains; else four

struct Params {
  factor: f32,
  step: f32,
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

fn once(x: vec4<f32>, factor: vec4<f32>, step: vec4<f32>) -> vec4<f32> {
  if (FUSED) {
    return fma(x, factor, step);
  }
  return x * factor + step;
}

fn four_times(x: vec4<f32>, factor: vec4<f32>, step: vec4<f32>) -> vec4<f32> {
  return once(once(once(once(x, factor, step), factor, step), factor, step), factor, step);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let factor = vec4<f32>(params.factor);
  let step = vec4<f32>(params.step);
  let start = f32(id.x % 32u);
  var a = vec4<f32>(start);
  var b = vec4<f32>(start + 1.0);
  var c = vec4<f32>(start + 2.0);
  var d = vec4<f32>(start + 3.0);
  var e = vec4<f32>(start + 4.0);
  var f = vec4<f32>(start + 5.0);
  var g = vec4<f32>(start + 6.0);
  var h = vec4<f32>(start + 7.0);
  for (var round = 0u; round < params.rounds; round++) {
    a = four_times(a, factor, step);
    b = four_times(b, factor, step);
    c = four_times(c, factor, step);
    d = four_times(d, factor, step);
    if (EIGHT) {
      e = four_times(e, factor, step);
      f = four_times(f, factor, step);
      g = four_times(g, factor, step);
      h = four_times(h, factor, step);
    }
  }
  let sum = a + b + c + d + e + f + g + h;
  sums[id.x] = sum.x + sum.y + sum.z + sum.w;
}
