// Writes the product of every chunk as apply-chunk does, where the state decays along its columns, which the gradients of Q and K need
// under decay by channels ((20) of core's reference README). There is one gap a row and column of X; with s from decay-chunks,
//   y_v = α (Λ x_v + exp(s_v) ∘ (F_v Z) + Σ_{w<v} S_vw x_w ∘ exp(s_v − s_w))
// A thread owns all rows of one chunk by one quad (four columns). It holds the chunk's 16 rows of X in registers and goes down the rows:
// from each row to the next it multiplies all rows of X above by that step's factor, so no factor has a positive exponent.
// A workgroup is THREADS such columns, which share nothing; there is no workgroup memory.

override CHUNK: u32 = 16; // no other size is possible: a thread names so many registers, one for each row of X
const CUT = 32u; // so many products make a sum of their own, so that no sum over the rank is one long chain
override THREADS: u32 = 64;
override DIAG: bool = true; // false: there is no Λ
override STATE: bool = true; // false: Z_c is zero, and is not read

struct Params {
  f: Operand, // positions counted in quads
  x: Operand,
  diag: Operand, // positions counted in elements
  out: Operand,
  rows: u32,
  rank: u32,
  quads: u32, // how many quads of columns there are
  chunks: u32,
  total: u32, // the threads that have work: batch × chunks × quads
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // column-major: a vec4 is four rows of one column
@group(0) @binding(2) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> diag: array<f32>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>; // [batch, chunks, 4·rank quads, quads]
@group(0) @binding(6) var<storage, read> sums: array<vec4<f32>>; // s in two parts: [batch, rows, quads, 2]
@group(0) @binding(7) var<storage, read_write> out: array<vec4<f32>>;

//#include operand
//#include factor
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let quad = index % quads;
  let chunk = index / quads; // counted over all batch entries
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
      // Rows past the chunk's end repeat its last row, so that every load is inside the chunk; what they give is not stored.
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
