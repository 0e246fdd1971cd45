// S = F_c G_cᵀ below the diagonal, one C×C matrix per chunk, and, for a solve, the inverses of
// its 16×16 diagonal blocks of T_cc = Λ + S in their place. One chunk per workgroup.
// tcc is column-major, four rows a vec4. Above the diagonal of S nothing is defined.

override CHUNK: u32 = 64; // 16, 32 or 64
override INVERT: bool = true;
override THREADS: u32 = 256; // (CHUNK / 4)²

override QUADS: u32 = CHUNK / 4u; // of rows; as many columns of F and G are staged at a time
override STRIDE: u32 = QUADS + 1u; // no two lanes of a store share a bank
const BLOCK = 16u;

struct Params {
  f: vec4<u32>, // index of the first row visited, batch stride, row stride (modulo 2³²), –
  g: vec4<u32>,
  diag: vec4<u32>,
  rows: u32,
  rank: u32,
  chunks: u32,
  total: u32, // workgroups asked for: batch × chunks
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> f: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> diag: array<f32>;
@group(0) @binding(4) var<storage, read_write> tcc: array<vec4<f32>>;

var<workgroup> f_tile: array<vec4<f32>, QUADS * STRIDE>;
var<workgroup> g_tile: array<vec4<f32>, QUADS * STRIDE>;
var<workgroup> lower: array<vec4<f32>, CHUNK * BLOCK / 4u>; // diagonal blocks of S, column-major

// Column j of one diagonal block's inverse, four rows at a time; the columns are independent.
// `at` is the block in `lower`, `to` the block's column in tcc, `diag_at` the block's first λ.
fn invert_column(at: u32, j: u32, rows: u32, diag_at: u32, to: u32) {
  for (var quad = 0u; quad < BLOCK / 4u; quad++) {
    let i = 4u * quad;
    var x = select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(i, i + 1u, i + 2u, i + 3u) == vec4<u32>(j));
    if (i + 3u >= j) {
      for (var m = j; m < i; m++) {
        x -= lower[at + m * 4u + quad] * tcc[to + m / 4u][m % 4u];
      }
      // rows past the end repeat the last λ; they are not used
      let last = rows - 1u;
      x.x /= diag[diag_at + min(i, last) * params.diag.z];
      x.y = (x.y - lower[at + i * 4u + quad].y * x.x) / diag[diag_at + min(i + 1u, last) * params.diag.z];
      x.z = (x.z - lower[at + i * 4u + quad].z * x.x - lower[at + (i + 1u) * 4u + quad].z * x.y)
        / diag[diag_at + min(i + 2u, last) * params.diag.z];
      x.w = (x.w - lower[at + i * 4u + quad].w * x.x - lower[at + (i + 1u) * 4u + quad].w * x.y
        - lower[at + (i + 2u) * 4u + quad].w * x.z) / diag[diag_at + min(i + 3u, last) * params.diag.z];
    }
    tcc[to + quad] = x;
  }
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
  let batch = index / params.chunks;
  let first = index % params.chunks * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let f_at = params.f.x + batch * params.f.y + first * params.f.z;
  let g_at = params.g.x + batch * params.g.y + first * params.g.z;
  let ti = thread / QUADS; // rows 4·ti …, columns 4·tj …
  let tj = thread % QUADS;
  // what this thread stages: one column, four rows of it; rows past the end repeat the last one
  let column = thread % QUADS;
  let step = min(vec4<u32>(4u * (thread / QUADS)) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(rows - 1u));
  let f_row = vec4<u32>(f_at + column) + step * params.f.z;
  let g_row = vec4<u32>(g_at + column) + step * params.g.z;

  var c0 = vec4<f32>(); // four rows of column 4·tj
  var c1 = vec4<f32>();
  var c2 = vec4<f32>();
  var c3 = vec4<f32>();
  for (var depth = 0u; depth < params.rank; depth += QUADS) {
    let fr = f_row + vec4<u32>(depth);
    let gr = g_row + vec4<u32>(depth);
    f_tile[column * STRIDE + thread / QUADS] = vec4<f32>(f[fr.x], f[fr.y], f[fr.z], f[fr.w]);
    g_tile[column * STRIDE + thread / QUADS] = vec4<f32>(g[gr.x], g[gr.y], g[gr.z], g[gr.w]);
    workgroupBarrier();
    if (tj <= ti) {
      for (var m = 0u; m < min(QUADS, params.rank - depth); m++) {
        let a = f_tile[m * STRIDE + ti];
        let b = g_tile[m * STRIDE + tj];
        c0 += a * b.x;
        c1 += a * b.y;
        c2 += a * b.z;
        c3 += a * b.w;
      }
    }
    workgroupBarrier();
  }

  let out = index * CHUNK * QUADS;
  if (tj <= ti) {
    if (INVERT && tj / 4u == ti / 4u) {
      let to = tj * BLOCK + ti % 4u;
      lower[to] = c0;
      lower[to + 4u] = c1;
      lower[to + 8u] = c2;
      lower[to + 12u] = c3;
    } else {
      let to = out + 4u * tj * QUADS + ti;
      tcc[to] = c0;
      tcc[to + QUADS] = c1;
      tcc[to + 2u * QUADS] = c2;
      tcc[to + 3u * QUADS] = c3;
    }
  }
  if (INVERT) {
    workgroupBarrier();
    let top = thread / BLOCK * BLOCK;
    if (thread < rows) {
      let diag_at = params.diag.x + batch * params.diag.y + (first + top) * params.diag.z;
      invert_column(top * 4u, thread % BLOCK, rows - top, diag_at, out + thread * QUADS + top / 4u);
    }
  }
}
