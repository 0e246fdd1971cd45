// Forms the coupling of every chunk, S = F_c G_cᵀ strictly below the diagonal, which is T_cc of equation (6) of core's reference README
// without Λ. Where rows decay by one gap a row (DECAY), S_vw is multiplied by exp(s_v − s_w), with s from decay-chunks. With a second F
// (COUNT = 2) the couplings of both with the same G are formed, so that G is staged once: S and M of (29).
// A workgroup owns one chunk, and a thread one 8×8 tile on or below the diagonal of one of its couplings. In workgroup memory lie DEPTH
// columns of F, of the second F and of G at a time, transposed, because eight threads need each of them.
// S is stored column-major, a vec4 being four rows of one column. Above the diagonal nothing is defined; on it stands F_v·G_v. Those of
// the second F lie behind those of the first for all chunks.

override CHUNK: u32 = 64; // rows of a chunk: 16, 32 or 64
override THREADS: u32 = 36; // COUNT times the number of tiles on or below the diagonal, which is 3, 10 or 36
override COUNT: u32 = 1; // 2: the coupling of `second` with G is formed too
override QUADS: u32 = CHUNK / 4u;
override DECAY: bool = false; // false: nothing decays, and `sums` is not read
override EARLY: bool = false; // a row of the first F reads the state before its row decays: s_{v−1} takes the place of s_v
override STRIDE: u32 = QUADS + 1u; // one more than needed, so that neighbouring threads store to different banks of workgroup memory

const DEPTH = 16u; // so many columns of F and G are staged at a time

struct Params {
  f: Operand, // positions counted in quads
  second: Operand,
  g: Operand,
  rows: u32,
  rank: u32, // in quads
  chunks: u32,
  total: u32, // the workgroups that have work: batch × chunks
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> second: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> sums: array<vec4<f32>>; // s from decay-chunks, in two parts: [batch, rows, 2]
@group(0) @binding(5) var<storage, read_write> coupling: array<vec4<f32>>; // [COUNT, batch, chunks, CHUNK, QUADS]

//#include operand
//#include factor
var<workgroup> f_tile: array<vec4<f32>, COUNT * DEPTH * STRIDE>; // DEPTH columns of each F, of four rows a vec4
var<workgroup> g_tile: array<vec4<f32>, DEPTH * STRIDE>;

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let batch = index / params.chunks;
  let first = index % params.chunks * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let f_at = start(params.f, batch) + first * params.f.row;
  let second_at = start(params.second, batch) + first * params.second.row;
  let g_at = start(params.g, batch) + first * params.g.row;
  let which = thread % COUNT; // 0: the thread's tile is one of the first F; 1: of the second
  // The tile's first row is 8·ti, and its first column 8·tj. Threads take the tiles row by row: (0, 0), (1, 0), (1, 1), (2, 0), …
  var ti = 0u;
  var tj = thread / COUNT;
  while (tj > ti) {
    ti += 1u;
    tj -= ti;
  }
  let live = ti < CHUNK / 8u;
  let f_from = which * DEPTH * STRIDE + 2u * ti;

  var a#{j} = vec4<f32>(); // holds rows 0 to 3 of the tile's column #{j} //#for j in 0..8
  var b#{j} = vec4<f32>(); // holds rows 4 to 7 //#for j in 0..8
  for (var depth = 0u; depth < params.rank; depth += DEPTH / 4u) {
    let width = min(DEPTH / 4u, params.rank - depth);
    for (var slot = thread; slot < width * QUADS; slot += THREADS) {
      // Four rows by four columns are staged at a time, transposed. Rows past the chunk's end repeat its last row.
      let column = slot % width;
      let row = 4u * (slot / width);
      let step = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(rows - 1u));
      let fr = vec4<u32>(f_at + depth + column) + step * params.f.row;
      let gr = vec4<u32>(g_at + depth + column) + step * params.g.row;
      let to = 4u * column * STRIDE + slot / width;
      let ft = transpose(mat4x4<f32>(f[fr.x], f[fr.y], f[fr.z], f[fr.w]));
      let gt = transpose(mat4x4<f32>(g[gr.x], g[gr.y], g[gr.z], g[gr.w]));
      f_tile[to + #{i}u * STRIDE] = ft[#{i}]; //#for i in 0..4
      if (COUNT == 2u) {
        let sr = vec4<u32>(second_at + depth + column) + step * params.second.row;
        let st = transpose(mat4x4<f32>(second[sr.x], second[sr.y], second[sr.z], second[sr.w]));
        f_tile[to + (DEPTH + #{i}u) * STRIDE] = st[#{i}]; //#for i in 0..4
      }
      g_tile[to + #{i}u * STRIDE] = gt[#{i}]; //#for i in 0..4
    }
    workgroupBarrier();
    if (live) {
      var own_a#{j} = vec4<f32>(); //#for j in 0..8
      var own_b#{j} = vec4<f32>(); //#for j in 0..8
      for (var m = 0u; m < 4u * width; m += 2u) {
        //#for i in 0..2
        let fa#{i} = f_tile[(m + #{i}u) * STRIDE + f_from];
        let fb#{i} = f_tile[(m + #{i}u) * STRIDE + f_from + 1u];
        let ga#{i} = g_tile[(m + #{i}u) * STRIDE + 2u * tj];
        let gb#{i} = g_tile[(m + #{i}u) * STRIDE + 2u * tj + 1u];
        //#end
        own_a#{j} += #{terms(2, (i) => `fa${i} * g${j < 4 ? "a" : "b"}${i}.${lane(j)}`)}; //#for j in 0..8
        own_b#{j} += #{terms(2, (i) => `fb${i} * g${j < 4 ? "a" : "b"}${i}.${lane(j)}`)}; //#for j in 0..8
      }
      a#{j} += own_a#{j}; //#for j in 0..8
      b#{j} += own_b#{j}; //#for j in 0..8
    }
    workgroupBarrier();
  }

  if (DECAY && live) {
    // Rows past the chunk's end repeat its last row. Above the diagonal factors may be infinite; nobody reads what they are multiplied into.
    let s_at = batch * params.rows + first;
    let back = select(0u, 1u, EARLY && which == 0u); // row 0 has no row before it, and couples with none
    //#for i in 0..8
    let s#{i} = 2u * (s_at + max(min(8u * ti + #{i}u, rows - 1u), back) - back);
    let t#{i} = 2u * (s_at + min(8u * tj + #{i}u, rows - 1u));
    //#end
    let high_a = vec4<f32>(#{[0, 1, 2, 3].map((i) => `sums[s${i}].x`).join(", ")});
    let high_b = vec4<f32>(#{[4, 5, 6, 7].map((i) => `sums[s${i}].x`).join(", ")});
    let low_a = vec4<f32>(#{[0, 1, 2, 3].map((i) => `sums[s${i} + 1u].x`).join(", ")});
    let low_b = vec4<f32>(#{[4, 5, 6, 7].map((i) => `sums[s${i} + 1u].x`).join(", ")});
    //#for j in 0..8
    a#{j} *= decay_by(high_a - sums[t#{j}], low_a - sums[t#{j} + 1u]);
    b#{j} *= decay_by(high_b - sums[t#{j}], low_b - sums[t#{j} + 1u]);
    //#end
  }
  if (live) {
    let to = (which * params.total + index) * CHUNK * QUADS + 8u * tj * QUADS + 2u * ti;
    //#for j in 0..8
    coupling[to + #{j}u * QUADS] = a#{j};
    coupling[to + #{j}u * QUADS + 1u] = b#{j};
    //#end
  }
}
