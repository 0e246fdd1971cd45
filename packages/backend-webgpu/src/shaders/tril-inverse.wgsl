// Inverses of lower triangular blocks, size ≤ 128. 16×16 diagonal blocks by substitution, a column per
// thread; then merges 16→32→64→128, X₂₁ = −X₂₂ (A₂₁ X₁₁), whose product waits in the upper triangle,
// zeroed at the end. SLOTS blocks a workgroup; two barriers a level.

override THREADS: u32 = 64;
override SLOTS: u32 = 1;

const BLOCK = 16u;

struct Params {
  a: vec4<u32>, // index of the first element, batch stride, –, –
  out: vec4<u32>,
  size: u32,
  count: u32, // blocks
  total: u32, // workgroups asked for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// A sum and what its roundings have lost, which goes into the next term (Kahan): the limit for these inverses, 4 ε,
// leaves no room for a chain of 64.
fn plus(sum: vec2<f32>, term: f32) -> vec2<f32> {
  let own = term + sum.y;
  let next = sum.x + own;
  return vec2<f32>(next, own - (next - sum.x));
}

fn invert_column(a_at: u32, x_at: u32, column: u32) {
  let size = params.size;
  let end = min((column / BLOCK + 1u) * BLOCK, size);
  for (var i = column; i < end; i++) {
    var sum = vec2<f32>(select(0.0, 1.0, i == column), 0.0);
    for (var m = column; m < i; m++) {
      sum = plus(sum, -a[a_at + i * size + m] * out[x_at + m * size + column]);
    }
    out[x_at + i * size + column] = sum.x / a[a_at + i * size + i];
  }
}

// (A₂₁ X₁₁)ᵢⱼ, kept at X₁₂'s place, transposed: there the rows are whole even where X₂₁'s are cut off
fn product(a_at: u32, x_at: u32, top: u32, half: u32, i: u32, j: u32) {
  let size = params.size;
  var sum = vec2<f32>();
  for (var m = j; m < half; m++) {
    sum = plus(sum, a[a_at + (top + half + i) * size + top + m] * out[x_at + (top + m) * size + top + j]);
  }
  out[x_at + (top + j) * size + top + half + i] = sum.x;
}

fn merge(x_at: u32, top: u32, half: u32, i: u32, j: u32) {
  let size = params.size;
  var sum = vec2<f32>();
  for (var m = 0u; m <= i; m++) {
    sum = plus(sum, out[x_at + (top + half + i) * size + top + half + m] * out[x_at + (top + j) * size + top + half + m]);
  }
  out[x_at + (top + half + i) * size + top + j] = -sum.x;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = group.x + group.y * groups.x;
  if (index >= params.total) {
    return;
  }
  let lanes = THREADS / SLOTS;
  let lane = thread % lanes;
  let block = index * SLOTS + thread / lanes;
  let live = block < params.count;
  let size = params.size;
  let a_at = params.a.x + block * params.a.y;
  let x_at = params.out.x + block * params.out.y;
  if (live) {
    for (var column = lane; column < size; column += lanes) {
      invert_column(a_at, x_at, column);
    }
  }
  for (var half = BLOCK; half < size; half *= 2u) {
    storageBarrier();
    workgroupBarrier();
    // pair q merges rows top …; its lower half may be short
    let pairs = (size + half - 1u) / (2u * half);
    let tasks = select(0u, pairs * half * half, live);
    for (var task = lane; task < tasks; task += lanes) {
      let top = task / (half * half) * 2u * half;
      let j = (task / half) % half;
      let i = task % half;
      if (top + half + i < size) {
        product(a_at, x_at, top, half, i, j);
      }
    }
    storageBarrier();
    workgroupBarrier();
    for (var task = lane; task < tasks; task += lanes) {
      let top = task / (half * half) * 2u * half;
      let i = (task / half) % half;
      let j = task % half;
      if (top + half + i < size) {
        merge(x_at, top, half, i, j);
      }
    }
  }
  storageBarrier();
  workgroupBarrier();
  let area = select(0u, size * size, live);
  for (var at = lane; at < area; at += lanes) {
    if (at % size > at / size) {
      out[x_at + at] = 0.0;
    }
  }
}
