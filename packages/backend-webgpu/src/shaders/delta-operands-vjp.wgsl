// The gradients of delta-operands: of a row y = factor ∘ x, for the cotangent ±ȳ,
//   x̄ = ±factor ∘ ȳ,   and of the factor ±x ∘ ȳ, or the sum of that over the row where there is one factor a row
// They are v̄, w̄, ē and what the key gains, which follow equation (30) of core's reference README. What other paths have given to either
// gradient is added.
// LANES threads own one row together, each of them every LANES-th column. In workgroup memory lie their parts of the row's sum.

override THREADS: u32 = 64;
override LANES: u32 = 16;

// The bits of `flags`: which gradients are wanted, and to which something is added.
const X_WANTED = 1u;
const FACTOR_WANTED = 2u;
const X_ADDED = 4u;
const FACTOR_ADDED = 8u;

struct Params {
  x: Operand,
  factor: Operand,
  cotangent: Operand,
  x_added: Operand,
  factor_added: Operand,
  x_gradient: Operand,
  factor_gradient: Operand,
  rows: u32,
  cols: u32,
  count: u32, // the rows of all batch entries
  total: u32, // the workgroups that have work
  factor_cols: u32, // 1: one factor a row; otherwise as many as x has columns
  flags: u32,
  sign: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> factor: array<f32>;
@group(0) @binding(3) var<storage, read> cotangent: array<f32>;
@group(0) @binding(4) var<storage, read> x_added: array<f32>;
@group(0) @binding(5) var<storage, read> factor_added: array<f32>;
@group(0) @binding(6) var<storage, read_write> x_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> factor_gradient: array<f32>;

//#include operand
//#include plus
//#include row-sum
fn has(flag: u32) -> bool {
  return (params.flags & flag) != 0u;
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
  let live = item < params.count;
  let x_at = start(params.x, batch) + row * params.x.row;
  let factor_at = start(params.factor, batch) + row * params.factor.row;
  let given_at = start(params.cotangent, batch) + row * params.cotangent.row;
  let added_at = start(params.x_added, batch) + row * params.x_added.row;
  let to = start(params.x_gradient, batch) + row * params.x_gradient.row;
  let factor_to = start(params.factor_gradient, batch) + row * params.factor_gradient.row;
  let wide = params.factor_cols > 1u;
  var sum = vec2<f32>();
  for (var column = lane; column < select(0u, params.cols, live); column += LANES) {
    let given = params.sign * cotangent[given_at + column];
    if (has(X_WANTED)) {
      var own = given * factor[factor_at + select(0u, column, wide)];
      if (has(X_ADDED)) {
        own += x_added[added_at + column];
      }
      x_gradient[to + column] = own;
    }
    if (has(FACTOR_WANTED)) {
      let own = given * x[x_at + column];
      if (wide) {
        factor_gradient[factor_to + column] = own;
      } else {
        sum = plus(sum, own);
      }
    }
  }
  let all = row_sum(thread, sum);
  if (live && lane == 0u && has(FACTOR_WANTED) && !wide) {
    var more = 0.0;
    if (has(FACTOR_ADDED)) {
      more = factor_added[start(params.factor_added, batch) + row * params.factor_added.row];
    }
    factor_gradient[factor_to] = all + more;
  }
}
