// X = T_cc⁻¹ R for every chunk at once, by substitution over 16-row blocks with the 16×16 inverses
// that chunk-matrix left on the diagonal of tcc. R is B (X = U), F (X = W) or I (X = T_cc⁻¹).
// A thread owns four columns of one chunk from top to bottom, so nothing needs a barrier.
// X is padded to a multiple of four columns, zeros there; rows are in the order visited.

override CHUNK: u32 = 64;
override IDENTITY: bool = false; // R = I, CHUNK columns
override THREADS: u32 = 64;

const BLOCK = 16u;

struct Params {
  rhs: vec4<u32>, // index of the first row visited, batch stride, row stride (modulo 2³²), –
  rows: u32,
  cols: u32,
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × quads of columns
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tcc: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> rhs: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>>; // [batch, rows, quads]

fn load(at: u32, row: u32, column: u32) -> vec4<f32> {
  if (IDENTITY) {
    return select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(column, column + 1u, column + 2u, column + 3u) == vec4<u32>(row));
  }
  var value = vec4<f32>();
  let begin = at + row * params.rhs.z + column;
  let left = params.cols - column;
  value.x = rhs[begin];
  if (left > 1u) {
    value.y = rhs[begin + 1u];
  }
  if (left > 2u) {
    value.z = rhs[begin + 2u];
  }
  if (left > 3u) {
    value.w = rhs[begin + 3u];
  }
  return value;
}

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
  let quads = (params.cols + 3u) / 4u;
  let quad = index % quads;
  let chunk = index / quads; // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let t = chunk * CHUNK * (CHUNK / 4u); // this chunk's matrix; column j at t + j·CHUNK/4
  let begin = params.rhs.x + batch * params.rhs.y + first * params.rhs.z;
  let to = (batch * params.rows + first) * quads + quad; // row i of X at to + i·quads

  for (var top = 0u; top < rows; top += BLOCK) {
    let end = min(top + BLOCK, rows);
    // R − Σ_{j < top} T_ij X_j, kept where X will be
    for (var i = top; i < end; i += 4u) {
      var r0 = load(begin, i, 4u * quad);
      var r1 = vec4<f32>();
      var r2 = vec4<f32>();
      var r3 = vec4<f32>();
      let left = end - i;
      if (left > 1u) {
        r1 = load(begin, i + 1u, 4u * quad);
      }
      if (left > 2u) {
        r2 = load(begin, i + 2u, 4u * quad);
      }
      if (left > 3u) {
        r3 = load(begin, i + 3u, 4u * quad);
      }
      for (var j = 0u; j < top; j++) {
        let a = tcc[t + j * (CHUNK / 4u) + i / 4u];
        let v = x[to + j * quads];
        r0 -= a.x * v;
        r1 -= a.y * v;
        r2 -= a.z * v;
        r3 -= a.w * v;
      }
      x[to + i * quads] = r0;
      if (left > 1u) {
        x[to + (i + 1u) * quads] = r1;
      }
      if (left > 2u) {
        x[to + (i + 2u) * quads] = r2;
      }
      if (left > 3u) {
        x[to + (i + 3u) * quads] = r3;
      }
    }
    // times the block's inverse: from the last rows up, since each row needs only those above it
    for (var i = top + ((end - top - 1u) & ~3u); ; i -= 4u) {
      var r0 = vec4<f32>();
      var r1 = vec4<f32>();
      var r2 = vec4<f32>();
      var r3 = vec4<f32>();
      for (var j = top; j < i; j++) {
        let a = tcc[t + j * (CHUNK / 4u) + i / 4u];
        let v = x[to + j * quads];
        r0 += a.x * v;
        r1 += a.y * v;
        r2 += a.z * v;
        r3 += a.w * v;
      }
      let left = end - i;
      let a0 = tcc[t + i * (CHUNK / 4u) + i / 4u];
      let v0 = x[to + i * quads];
      x[to + i * quads] = r0 + a0.x * v0;
      if (left > 1u) {
        let a1 = tcc[t + (i + 1u) * (CHUNK / 4u) + i / 4u];
        let v1 = x[to + (i + 1u) * quads];
        x[to + (i + 1u) * quads] = r1 + a0.y * v0 + a1.y * v1;
        if (left > 2u) {
          let a2 = tcc[t + (i + 2u) * (CHUNK / 4u) + i / 4u];
          let v2 = x[to + (i + 2u) * quads];
          x[to + (i + 2u) * quads] = r2 + a0.z * v0 + a1.z * v1 + a2.z * v2;
          if (left > 3u) {
            let a3 = tcc[t + (i + 3u) * (CHUNK / 4u) + i / 4u];
            let v3 = x[to + (i + 3u) * quads];
            x[to + (i + 3u) * quads] = r3 + a0.w * v0 + a1.w * v1 + a2.w * v2 + a3.w * v3;
          }
        }
      }
      if (i == top) {
        break;
      }
    }
  }
}
