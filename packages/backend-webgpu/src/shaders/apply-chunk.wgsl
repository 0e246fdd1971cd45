// Writes the product of every chunk, of all chunks at once, by equation (5) of core's reference README:
//   Y_c = α (Λ X_c + S_c X_c + F_c Z_c)
// S_c is the chunk's coupling strictly below the diagonal, formed by the shader coupling. Z_c is the state before the chunk, left by
// apply-prefix, or by solve-scan where the delta rule reads its outputs (29). So no chunk waits for another.
// A thread owns eight rows of one chunk by one quad (four columns) of Y, and walks only the part of S below the diagonal. A workgroup is
// THREADS such tiles, which share nothing: there is no workgroup memory, and what neighbours read in common comes from the cache.

override CHUNK: u32 = 64;
const CUT = 32u; // so many products make a sum of their own, so that no sum over the rank is one long chain
override THREADS: u32 = 64;
override DIAG: u32 = 1; // where Λ is found: 0 there is none, 1 in `diag`, 2 on the diagonal of S
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
  total: u32, // the threads that have work: batch × chunks × CHUNK / 8 × quads
  alpha: f32,
  states: u32, // how many states z holds for each batch entry: as many as chunks, or one more
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // column-major: a vec4 is four rows of one column
@group(0) @binding(2) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> diag: array<f32>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>; // [batch, states, 4·rank quads, quads]
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;

//#include operand
// Multiplies a row of X by Λ's element of the row, where `own` is the element of S on the diagonal.
fn diagonal(at: u32, row: u32, own: f32, value: vec4<f32>) -> vec4<f32> {
  if (DIAG == 1u) {
    return diag[at + row * params.diag.row] * value;
  }
  if (DIAG == 2u) {
    return own * value;
  }
  return vec4<f32>();
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let quad = index % quads;
  let i = 8u * ((index / quads) % (CHUNK / 8u));
  let chunk = index / quads / (CHUNK / 8u); // counted over all batch entries
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  if (i >= rows) {
    return;
  }
  let left = rows - i;
  let t = chunk * CHUNK * (CHUNK / 4u) + i / 4u;
  let x_at = start(params.x, batch) + first * params.x.row + quad;
  let f_at = start(params.f, batch) + (first + i) * params.f.row;
  let d_at = start(params.diag, batch) + first * params.diag.row;
  let out_at = start(params.out, batch) + first * params.out.row + quad;

  var y#{i} = vec4<f32>(); //#for i in 0..8
  if (STATE) {
    // Rows past the chunk's end repeat its last row, so that every load is inside the chunk; what they give is not stored.
    let f#{i} = f_at + min(#{i}u, left - 1u) * params.f.row; //#for i in 0..8
    let rank_quads = (params.rank + 3u) / 4u;
    var at_z = (batch * params.states + chunk % params.chunks) * 4u * rank_quads * quads + quad;
    var m = 0u;
    while (m < rank_quads) {
      var own#{i} = vec4<f32>(); //#for i in 0..8
      for (let end = min(m + CUT / 4u, rank_quads); m < end; m++) {
        let z#{j} = z[at_z + #{j}u * quads]; //#for j in 0..4
        at_z += 4u * quads;
        let a#{i} = f[f#{i} + m]; //#for i in 0..8
        own#{i} += #{terms(4, (j) => `a${i}.${lane(j)} * z${j}`)}; //#for i in 0..8
      }
      y#{i} += own#{i}; //#for i in 0..8
    }
  }
  // The chunk's own sum S X starts at 0 and meets F Z last: added to F Z term by term, it would be rounded at the size of F Z every time.
  let past#{i} = y#{i}; //#for i in 0..8
  y#{i} = vec4<f32>(); //#for i in 0..8
  var next = x_at;
  var j = 0u;
  while (j < i) {
    var own#{q} = vec4<f32>(); //#for q in 0..8
    for (let end = min(j + 16u, i); j < end; j += 4u) {
      //#for m in 0..4
      let a#{m} = coupling[t + (j + #{m}u) * (CHUNK / 4u)];
      let b#{m} = coupling[t + (j + #{m}u) * (CHUNK / 4u) + 1u];
      let v#{m} = x[next + #{m}u * params.x.row];
      //#end
      own#{q} += #{terms(4, (m) => `${q < 4 ? "a" : "b"}${m}.${lane(q)} * v${m}`)}; //#for q in 0..8
      next += 4u * params.x.row;
    }
    y#{q} += own#{q}; //#for q in 0..8
  }
  // Column q of the tile on the diagonal: a holds its rows 0 to 3, and b its rows 4 to 7. Row q is complete once columns 0 to q − 1 are added.
  //#for q in 0..8
  if (left == #{q}u) {
    return;
  }
  let a#{q} = coupling[t + (i + #{q}u) * (CHUNK / 4u)];
  let b#{q} = coupling[t + (i + #{q}u) * (CHUNK / 4u) + 1u];
  let v#{q} = x[next + #{q}u * params.x.row];
  y#{q} += #{q ? terms(q, (t) => `${q < 4 ? "a" : "b"}${t}.${lane(q)} * v${t}`) : "vec4<f32>()"};
  let own#{q} = diagonal(d_at, i + #{q}u, #{q < 4 ? "a" : "b"}#{q}.#{lane(q)}, v#{q});
  out[out_at + (i + #{q}u) * params.out.row] = params.alpha * (past#{q} + (y#{q} + own#{q}));
  //#end
}
