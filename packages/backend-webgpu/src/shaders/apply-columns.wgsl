// As apply-chunk where the decay acts on the columns of X: with s from decay-rows, one gap a row and column,
// y_v = α (Λ x_v + exp(s_v) ∘ (F_v Z) + Σ_w<v S_vw x_w ∘ exp(s_v − s_w)). A thread walks a chunk's rows for four columns and
// multiplies the rows of X that it has passed by the factor of one row after the other.

override CHUNK: u32 = 16; // the only one: a thread holds that many rows of X
const CUT = 32u;
override THREADS: u32 = 64;
override DIAG: bool = true; // else Λ = 0
override STATE: bool = true; // else Z_c = 0

struct Params {
  f: Operand, // in quads
  x: Operand,
  diag: Operand, // in elements
  out: Operand,
  rows: u32,
  rank: u32,
  quads: u32, // of columns
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × quads
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> diag: array<f32>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>; // [batch, chunks, 4·rank quads, quads]
@group(0) @binding(6) var<storage, read> sums: array<vec4<f32>>; // [batch, rows, quads, 2]
@group(0) @binding(7) var<storage, read_write> out: array<vec4<f32>>;

//#include operand
//#include factor
@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = (group.x + group.y * groups.x) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let quad = index % quads;
  let chunk = index / quads; // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let last = min(CHUNK, params.rows - first) - 1u;
  let t = chunk * CHUNK * (CHUNK / 4u);
  let x_at = start(params.x, batch) + first * params.x.row + quad;
  let f_at = start(params.f, batch) + first * params.f.row;
  let d_at = start(params.diag, batch) + first * params.diag.row;
  let out_at = start(params.out, batch) + first * params.out.row + quad;
  let s_at = 2u * ((batch * params.rows + first) * quads + quad);
  let rank_quads = (params.rank + 3u) / 4u;
  var high = vec4<f32>();
  var low = vec4<f32>();
  var x#{w} = x[x_at + min(#{w}u, last) * params.x.row]; //#for w in 0..16
  //#for block in 0..4
  if (#{4 * block}u <= last) {
    var y#{i} = vec4<f32>(); //#for i in 0..4
    if (STATE) {
      // rows past the end repeat the last one; they are not kept
      let f#{i} = f_at + min(#{4 * block + i}u, last) * params.f.row; //#for i in 0..4
      var at_z = chunk * 4u * rank_quads * quads + quad;
      var m = 0u;
      while (m < rank_quads) {
        var own#{i} = vec4<f32>(); //#for i in 0..4
        for (let end = min(m + CUT / 4u, rank_quads); m < end; m++) {
          let z#{j} = z[at_z + #{j}u * quads]; //#for j in 0..4
          at_z += 4u * quads;
          let a#{i} = f[f#{i} + m]; //#for i in 0..4
          own#{i} += #{terms(4, (j) => `a${i}.${lane(j)} * z${j}`)}; //#for i in 0..4
        }
        y#{i} += own#{i}; //#for i in 0..4
      }
    }
    let s#{w} = coupling[t + #{4 * w + block}u]; //#for w in 0..4 * block + 3
    //#for q in 0..4
    if (#{4 * block + q}u <= last) {
      let sum_high = sums[s_at + #{2 * (4 * block + q)}u * quads];
      let sum_low = sums[s_at + #{2 * (4 * block + q)}u * quads + 1u];
      let step = decay_by(sum_high - high, sum_low - low);
      high = sum_high;
      low = sum_low;
      var own = vec4<f32>();
      if (DIAG) {
        own = diag[d_at + #{4 * block + q}u * params.diag.row] * x#{4 * block + q};
      }
      x#{w} *= step; //#for w in 0..4 * block + q
      own += #{block + q ? terms(4 * block + q, (w) => `s${w}.${lane(q)} * x${w}`) : "vec4<f32>()"};
      out[out_at + #{4 * block + q}u * params.out.row] = params.alpha * (y#{q} * decay_by(high, low) + own);
    }
    //#end
  }
  //#end
}
