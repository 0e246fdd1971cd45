// One token of the delta rule for every head, in one dispatch: equation (28) of core's reference README for a single row,
//   Z ← diag(e^g) Z,   u = W − Zᵀ P,   Z ← Z + k uᵀ,   out = scale · Zᵀ q
// Z is updated where it lies, in plain [r, p]. With an erase key of its own P reads Z before that decays. The output is formed as Zᵀ q
// before the update plus u (q·k), so that Z is gone through only twice: once read, once read and written.
// A workgroup owns COLUMNS columns of one head. LANES threads own one column together, each of them every LANES-th row of Z. In workgroup
// memory lie BLOCK elements at a time of what all columns share (key, erase key, query, factors of decay), and the parts of sums.

override THREADS: u32 = 64;
override LANES: u32 = 4;
override COLUMNS: u32 = THREADS / LANES;
override NORMALIZE: bool = false;

const BLOCK = 64u; // so many rows of Z are done at a time
const CUT = 16u; // so many rows' products make a sum of their own, so that no sum is one long chain

struct Params {
  query: Operand,
  key: Operand,
  value: Operand,
  erase: Operand,
  write: Operand,
  decay: Operand,
  state: Operand,
  out: Operand,
  rank: u32,
  cols: u32,
  erase_cols: u32, // 1: one number for the row; otherwise one for each of the rank's channels
  write_cols: u32, // 1: one number for the row; cols: one for each column; 0: W = erase ∘ value
  decay_cols: u32, // 1: one gap for the row; rank: one for each channel; 0: nothing decays
  total: u32, // the workgroups that have work
  early: u32, // 1: `erase` is P itself, and reads Z before that decays
  scale: f32,
  root_eps: f32, // √eps, which counts as one more element of the row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<f32>;
@group(0) @binding(2) var<storage, read> key: array<f32>;
@group(0) @binding(3) var<storage, read> value: array<f32>;
@group(0) @binding(4) var<storage, read> erase: array<f32>;
@group(0) @binding(5) var<storage, read> write: array<f32>;
@group(0) @binding(6) var<storage, read> decay: array<f32>;
@group(0) @binding(7) var<storage, read_write> state: array<f32>;
@group(0) @binding(8) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus
//#include logistic
//#include inverse-root
var<workgroup> sums: array<vec2<f32>, THREADS>;
var<workgroup> powers: array<f32, BLOCK>; // e^g of a row of Z is its power, a power of two, plus its rest
var<workgroup> rests: array<f32, BLOCK>;
var<workgroup> keys: array<f32, BLOCK>;
var<workgroup> erasing: array<f32, BLOCK>;
var<workgroup> queries: array<f32, BLOCK>;

// Finds the exponent of the largest number of all threads, as row_exponent of parts/row-scale.wgsl does for the threads of a row.
fn all_exponent(thread: u32, own: u32) -> i32 {
  sums[thread].x = bitcast<f32>(own);
  workgroupBarrier();
  var peak = 0u;
  for (var other = 0u; other < THREADS; other++) {
    peak = max(peak, bitcast<u32>(sums[other].x));
  }
  workgroupBarrier();
  return exponent_of(bitcast<f32>(peak));
}

// What normalises a row, in two factors: a power of two, and 1 / the length of what is left when that has been multiplied in.
struct Norm {
  unit: f32,
  over: f32,
}

// Adds up a number of all threads, to the same sum in each of them.
fn sum_of_all(thread: u32, own: vec2<f32>) -> f32 {
  sums[thread] = own;
  workgroupBarrier();
  var sum = vec2<f32>();
  for (var other = 0u; other < THREADS; other++) {
    sum = plus(plus(sum, sums[other].x), sums[other].y);
  }
  workgroupBarrier();
  return sum.x + sum.y;
}

// Adds up the numbers of the threads that own a column together.
fn column_sums(thread: u32, own: vec2<f32>) -> vec2<f32> {
  if (LANES == 1u) {
    return own;
  }
  sums[thread] = own;
  workgroupBarrier();
  var sum = vec2<f32>();
  for (var lane = 0u; lane < LANES; lane++) {
    sum += sums[lane * COLUMNS + thread % COLUMNS];
  }
  workgroupBarrier();
  return sum;
}

fn key_at(batch: u32, m: u32, norm: Norm) -> f32 {
  return key[start(params.key, batch) + m] * norm.unit * norm.over;
}

fn query_at(batch: u32, m: u32, norm: Norm) -> f32 {
  return query[start(params.query, batch) + m] * norm.unit * norm.over;
}

// Makes the factors of 1 / √(Σx² + eps), from the power of two and each thread's sum of squares.
fn norm_of(thread: u32, squares: vec2<f32>, unit: f32) -> Norm {
  let eps = params.root_eps * unit;
  return Norm(unit, inverse_root(sum_of_all(thread, plus(squares, select(0.0, eps * eps, thread == 0u)))));
}

fn stage(batch: u32, block: u32, thread: u32, of_query: Norm, of_key: Norm) {
  let erase_at = start(params.erase, batch);
  for (var slot = thread; slot < min(BLOCK, params.rank - block); slot += THREADS) {
    let m = block + slot;
    let k = key_at(batch, m, of_key);
    keys[slot] = k;
    erasing[slot] = select(k, 1.0, params.early == 1u) * erase[erase_at + select(0u, m, params.erase_cols > 1u)];
    queries[slot] = query_at(batch, m, of_query);
    powers[slot] = 1.0;
    rests[slot] = 0.0;
    if (params.decay_cols > 0u) {
      let g = decay[start(params.decay, batch) + select(0u, m, params.decay_cols > 1u)];
      let parts = reduce(near(g), 0.0);
      powers[slot] = sized(Scaled(1.0, i32(parts.n)));
      rests[slot] = sized(Scaled(parts.beyond, i32(parts.n)));
    }
  }
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let tiles = (params.cols + COLUMNS - 1u) / COLUMNS;
  let batch = index / tiles;
  let column = index % tiles * COLUMNS + thread % COLUMNS;
  let lane = thread / COLUMNS;
  let live = column < params.cols;
  let rank = params.rank;
  var of_query = Norm(1.0, 1.0);
  var of_key = Norm(1.0, 1.0);
  if (NORMALIZE) {
    var peaks_own = vec2<u32>(bitcast<u32>(params.root_eps));
    for (var m = thread; m < rank; m += THREADS) {
      let both = abs(vec2<f32>(query_at(batch, m, of_query), key_at(batch, m, of_key)));
      peaks_own = max(peaks_own, bitcast<vec2<u32>>(both));
    }
    of_query.unit = power_of_two(-all_exponent(thread, peaks_own.x));
    of_key.unit = power_of_two(-all_exponent(thread, peaks_own.y));
    var squares_q = vec2<f32>();
    var squares_k = vec2<f32>();
    for (var m = thread; m < rank; m += THREADS) {
      let q = query_at(batch, m, of_query);
      let k = key_at(batch, m, of_key);
      squares_q = plus(squares_q, q * q);
      squares_k = plus(squares_k, k * k);
    }
    of_query = norm_of(thread, squares_q, of_query.unit);
    of_key = norm_of(thread, squares_k, of_key.unit);
  }
  var products = vec2<f32>();
  for (var m = thread; m < rank; m += THREADS) {
    products = plus(products, query_at(batch, m, of_query) * key_at(batch, m, of_key));
  }
  let both = sum_of_all(thread, products); // is q·k

  let z_at = start(params.state, batch) + column;
  var all = vec2<f32>(); // Zᵀ P and Zᵀ q, of the decayed state; an early P reads the state before
  for (var block = 0u; block < rank; block += BLOCK) {
    stage(batch, block, thread, of_query, of_key);
    workgroupBarrier();
    let height = min(BLOCK, rank - block);
    for (var cut = 0u; cut < select(0u, height, live); cut += CUT) {
      var own = vec2<f32>();
      for (var slot = cut + lane; slot < min(cut + CUT, height); slot += LANES) {
        let z = state[z_at + (block + slot) * params.state.row];
        let later = powers[slot] * z + rests[slot] * z;
        own += vec2<f32>(erasing[slot], queries[slot]) * vec2<f32>(select(later, z, params.early == 1u), later);
      }
      all += own;
    }
    workgroupBarrier();
  }
  all = column_sums(thread, all);
  var written = 0.0;
  if (live) {
    let v = value[start(params.value, batch) + column];
    if (params.write_cols == 0u) {
      written = v * erase[start(params.erase, batch)];
    } else {
      written = v * write[start(params.write, batch) + select(0u, column, params.write_cols > 1u)];
    }
  }
  let u = written - all.x;
  if (live && lane == 0u) {
    out[start(params.out, batch) + column] = params.scale * (all.y + both * u);
  }
  for (var block = 0u; block < rank; block += BLOCK) {
    if (rank > BLOCK) {
      stage(batch, block, thread, of_query, of_key);
      workgroupBarrier();
    }
    for (var slot = lane; slot < select(0u, min(BLOCK, rank - block), live); slot += LANES) {
      let at = z_at + (block + slot) * params.state.row;
      let z = state[at];
      state[at] = powers[slot] * z + (rests[slot] * z + keys[slot] * u);
    }
    if (rank > BLOCK) {
      workgroupBarrier();
    }
  }
}
