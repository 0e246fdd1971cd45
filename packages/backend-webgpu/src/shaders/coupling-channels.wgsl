// Forms the coupling of every chunk, as the shader coupling does, where every column m of F and G decays by gaps of its own: strictly below
// the diagonal of T_cc in equation (1) of core's reference README, with s from decay-chunks,
//   S_vw = Σ_m F_vm G_wm exp(s_vm − s_wm)   for w < v
// No factor of a product is above 1 unless the decay is growth. In a tile below the diagonal the eight rows w end before the rows v begin,
// and exp(s_v − s_w) is the product of three: from w to the last of w's rows, from there to the first of v's rows, from there to v. The
// first and the third are multiplied into the staged F and G, the second is one exponential per tile and column. In a tile on the diagonal
// G_w is multiplied by the factor of one row after the other.
// A workgroup owns one chunk, and a thread one 8×8 tile of its coupling; the threads above the diagonal only stage. In workgroup memory
// lie DEPTH columns of F and G, plain and scaled, and the factors from row to row: all tiles of a row or column need the same ones.
// S is stored column-major, a vec4 being four rows of one column. Above the diagonal nothing is defined; on it stands F_v·G_v.

override CHUNK: u32 = 64; // rows of a chunk: 16, 32 or 64
override THREADS: u32 = 64; // (CHUNK / 8)², one for each tile
override QUADS: u32 = CHUNK / 4u;
override STRIDE: u32 = QUADS + 1u; // one more than needed, so that neighbouring threads store to different banks of workgroup memory

const DEPTH = 8u; // so many columns of F and G are staged at a time

struct Params {
  f: Operand, // positions counted in quads
  g: Operand,
  rows: u32,
  rank: u32, // in quads
  chunks: u32,
  total: u32, // the workgroups that have work: batch × chunks
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> sums: array<vec4<f32>>; // s in two parts: [batch, rows, rank, 2]
@group(0) @binding(4) var<storage, read_write> coupling: array<vec4<f32>>;

//#include operand
//#include between
var<workgroup> f_tile: array<vec4<f32>, DEPTH * STRIDE>; // DEPTH columns, of four rows a vec4
var<workgroup> g_tile: array<vec4<f32>, DEPTH * STRIDE>;
var<workgroup> f_scaled: array<vec4<f32>, DEPTH * STRIDE>; // F_v ∘ exp(s_v − s of v's first row)
var<workgroup> g_scaled: array<vec4<f32>, DEPTH * STRIDE>; // G_w ∘ exp(s of w's last row − s_w)
var<workgroup> step_tile: array<vec4<f32>, DEPTH * STRIDE>; // exp(s_v − s_{v−1})

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let batch = index / params.chunks;
  let first = index % params.chunks * CHUNK;
  let last = min(CHUNK, params.rows - first) - 1u;
  let f_at = start(params.f, batch) + first * params.f.row;
  let g_at = start(params.g, batch) + first * params.g.row;
  let s_at = batch * params.rows + first;
  let ti = thread / (CHUNK / 8u); // the tile's first row is 8·ti, and its first column 8·tj
  let tj = thread % (CHUNK / 8u);

  var a#{j} = vec4<f32>(); // holds rows 0 to 3 of the tile's column #{j} //#for j in 0..8
  var b#{j} = vec4<f32>(); // holds rows 4 to 7 //#for j in 0..8
  for (var depth = 0u; depth < params.rank; depth += DEPTH / 4u) {
    let width = min(DEPTH / 4u, params.rank - depth);
    for (var slot = thread; slot < width * QUADS; slot += THREADS) {
      // Four rows by four columns are staged at a time, transposed. Rows past the chunk's end repeat its last row.
      let column = slot % width;
      let row = 4u * (slot / width);
      let top = s_at + min(row / 8u * 8u, last);
      let bottom = s_at + min(row / 8u * 8u + 7u, last);
      let to = 4u * column * STRIDE + slot / width;
      //#for i in 0..4
      let row#{i} = min(row + #{i}u, last);
      let f#{i} = f[f_at + depth + column + row#{i} * params.f.row];
      let g#{i} = g[g_at + depth + column + row#{i} * params.g.row];
      let step#{i} = between(s_at + max(row#{i}, 1u) - 1u, s_at + row#{i}, depth + column);
      //#end
      let up0 = between(top, s_at + row0, depth + column);
      let up#{i} = up#{i - 1} * step#{i}; //#for i in 1..4
      let down3 = between(s_at + row3, bottom, depth + column);
      let down#{3 - i} = down#{4 - i} * step#{4 - i}; //#for i in 1..4
      let ft = transpose(mat4x4<f32>(f0, f1, f2, f3));
      let gt = transpose(mat4x4<f32>(g0, g1, g2, g3));
      let fs = transpose(mat4x4<f32>(f0 * up0, f1 * up1, f2 * up2, f3 * up3));
      let gs = transpose(mat4x4<f32>(g0 * down0, g1 * down1, g2 * down2, g3 * down3));
      let st = transpose(mat4x4<f32>(step0, step1, step2, step3));
      //#for i in 0..4
      f_tile[to + #{i}u * STRIDE] = ft[#{i}];
      g_tile[to + #{i}u * STRIDE] = gt[#{i}];
      f_scaled[to + #{i}u * STRIDE] = fs[#{i}];
      g_scaled[to + #{i}u * STRIDE] = gs[#{i}];
      step_tile[to + #{i}u * STRIDE] = st[#{i}];
      //#end
    }
    workgroupBarrier();
    if (8u * ti <= last && tj <= ti) {
      var own_a#{j} = vec4<f32>(); //#for j in 0..8
      var own_b#{j} = vec4<f32>(); //#for j in 0..8
      for (var column = 0u; column < width; column++) {
        if (tj < ti) {
          let gap = between(s_at + 8u * tj + 7u, s_at + 8u * ti, depth + column);
          //#for m in 0..4
          let at#{m} = (4u * column + #{m}u) * STRIDE;
          let fa#{m} = f_scaled[at#{m} + 2u * ti] * gap.#{lane(m)};
          let fb#{m} = f_scaled[at#{m} + 2u * ti + 1u] * gap.#{lane(m)};
          let ga#{m} = g_scaled[at#{m} + 2u * tj];
          let gb#{m} = g_scaled[at#{m} + 2u * tj + 1u];
          //#end
          own_a#{j} += #{terms(4, (m) => `fa${m} * g${j < 4 ? "a" : "b"}${m}.${lane(j)}`)}; //#for j in 0..8
          own_b#{j} += #{terms(4, (m) => `fb${m} * g${j < 4 ? "a" : "b"}${m}.${lane(j)}`)}; //#for j in 0..8
        } else {
          for (var m = 4u * column; m < 4u * column + 4u; m++) {
            let at = m * STRIDE + 2u * ti;
            let fa = f_tile[at];
            let fb = f_tile[at + 1u];
            let ga = g_tile[at];
            let gb = g_tile[at + 1u];
            let sa = step_tile[at];
            let sb = step_tile[at + 1u];
            var g#{w} = g#{w < 4 ? "a" : "b"}.#{lane(w)}; //#for w in 0..8
            own_#{v < 4 ? "a" : "b"}#{v}.#{lane(v)} += f#{v < 4 ? "a" : "b"}.#{lane(v)} * g#{v}; //#for v in 0..8
            //#for v in 1..8
            //#for w in 0..v
            g#{w} *= s#{v < 4 ? "a" : "b"}.#{lane(v)};
            own_#{v < 4 ? "a" : "b"}#{w}.#{lane(v)} += f#{v < 4 ? "a" : "b"}.#{lane(v)} * g#{w};
            //#end
            //#end
          }
        }
      }
      a#{j} += own_a#{j}; //#for j in 0..8
      b#{j} += own_b#{j}; //#for j in 0..8
    }
    workgroupBarrier();
  }

  if (tj <= ti) {
    let to = index * CHUNK * QUADS + 8u * tj * QUADS + 2u * ti;
    //#for j in 0..8
    coupling[to + #{j}u * QUADS] = a#{j};
    coupling[to + #{j}u * QUADS + 1u] = b#{j};
    //#end
  }
}
