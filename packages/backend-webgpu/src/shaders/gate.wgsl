// The logarithm of a decay from what a model projects, with softplus or with a lower bound:
//   g = −exp(a) softplus(x + bias),   or   g = lower · logistic(exp(a) (x + bias))
// With a cotangent ḡ it writes the gradients instead: out ← ḡ ∘ ∂g/∂x, and for a the sum of ḡ ∘ ∂g/∂a over each row.
// LANES threads own one row together, each of them every LANES-th column. In workgroup memory lie their parts of the row's sum.

override THREADS: u32 = 64;
override LANES: u32 = 16;

struct Params {
  x: Operand,
  a: Operand,
  bias: Operand,
  cotangent: Operand,
  out: Operand,
  a_terms: Operand,
  rows: u32,
  cols: u32,
  count: u32, // the rows of all batch entries
  total: u32, // the workgroups that have work
  bounded: u32, // 1: the form with the bound `lower`; 0: the form with softplus
  gradients: u32, // 1: a cotangent is given, and gradients are wanted
  a_wanted: u32, // 1: the sums for the gradient of a are wanted too
  lower: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> cotangent: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> a_terms: array<f32>;

//#include operand
//#include plus
//#include logistic
//#include row-sum
fn product(x: Scaled, y: Scaled) -> f32 {
  return sized(Scaled(x.value * y.value, x.exponent + y.exponent));
}

// Computes g from s = x + bias and e = exp(a).
fn value(s: Sum, e: Scaled) -> f32 {
  if (params.bounded == 1u) {
    let share = logistic(Sum(near(sized(Scaled(s.high * e.value, e.exponent))), 0.0));
    return sized(Scaled(params.lower * share.value, share.exponent));
  }
  return -product(e, softplus(s));
}

// Computes ḡ ∂g/∂x and ḡ ∂g/∂a from s = x + bias, e = exp(a) and ḡ.
fn slopes(s: Sum, e: Scaled, given: f32) -> vec2<f32> {
  if (params.bounded == 1u) {
    let inner = near(sized(Scaled(s.high * e.value, e.exponent)));
    let slope = logistic_slope(Sum(inner, 0.0));
    let outer = Scaled(given * params.lower * slope.value, slope.exponent);
    return vec2<f32>(product(outer, e), sized(Scaled(outer.value * inner, outer.exponent)));
  }
  let outer = Scaled(-given * e.value, e.exponent);
  return vec2<f32>(product(outer, logistic(s)), product(outer, softplus(s)));
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let lane = thread % LANES;
  let item = index * (THREADS / LANES) + thread / LANES;
  let batch = item / params.rows;
  let row = item % params.rows;
  var sum = vec2<f32>();
  if (item < params.count) {
    let x_at = start(params.x, batch) + row * params.x.row;
    let bias_at = start(params.bias, batch);
    let given_at = start(params.cotangent, batch) + row * params.cotangent.row;
    let out_at = start(params.out, batch) + row * params.out.row;
    let e = exp_of(Sum(a[start(params.a, batch)], 0.0));
    for (var column = lane; column < params.cols; column += LANES) {
      let s = sum_of(x[x_at + column], bias[bias_at + column]);
      if (params.gradients == 1u) {
        let slope = slopes(s, e, cotangent[given_at + column]);
        out[out_at + column] = slope.x;
        sum = plus(sum, slope.y);
      } else {
        out[out_at + column] = value(s, e);
      }
    }
  }
  if (params.a_wanted == 1u) {
    let all = row_sum(thread, sum);
    if (lane == 0u && item < params.count) {
      a_terms[start(params.a_terms, batch) + row * params.a_terms.row] = all;
    }
  }
}
