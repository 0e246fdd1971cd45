// Goes back through the chunks of a delta rule, from the last to the first, with Z̄ in the place of Z: of equation (30) of core's reference
// README
//   B̄ = (I + S)⁻ᵀ (Mᵀ Ō + K̃ Z̄),   then   Z̄ ← diag(A) Z̄ + Q̃ᵀ Ō − P̃ᵀ B̄
// What does not depend on Z̄ is there already: Mᵀ Ō in `bar`, where B̄ takes its place, and Q̃ᵀ Ō of each chunk in `z`, where Z̄ of that
// chunk's end takes its place.
// (I + S)⁻ᵀ is applied by substitution from the last row up, as solve-scan applies T_cc⁻¹ from the first row down: from one block of 16
// rows to those above it by all threads, inside a block by one thread per quad of columns.
// A workgroup owns one batch entry and TILE quads of columns, and walks all chunks. A thread owns eight rows of the chunk by one quad
// (four columns). In workgroup memory lie the tile's rows of the chunk, because a row needs all rows after it, which other threads own.
// Arrays are counted in quads of columns, and are zero where they are padded.

override CHUNK: u32 = 64;
override THREADS: u32 = 64; // TILE × max(CHUNK / 8, 4): a thread for every eight rows and quad, and four rows of threads at least

override QUADS: u32 = CHUNK / 4u;
const TILE = 8u; // how many quads of columns a workgroup owns
const BLOCK = 16u; // so many rows are solved for by substitution before the rows above are updated with them
const CUT = 32u; // so many products make a sum of their own, so that no sum over the rank is one long chain

struct Params {
  f: Operand, // K̃, in quads
  g: Operand, // P̃
  bar: Operand,
  rows: u32,
  rank: u32,
  quads: u32, // how many quads of columns there are
  chunks: u32,
  decay: u32, // 0: nothing decays; 1: Z̄ decays by one factor a chunk; 2: by one a chunk and row of Z̄
  total: u32, // the workgroups that have work
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // S, column-major: a vec4 is four rows of one column
@group(0) @binding(2) var<storage, read> factors: array<f32>; // from decay-chunks: [batch, chunks, power and rest, 4·rank quads or 1]
@group(0) @binding(3) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> bar: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> z: array<vec4<f32>>; // [batch, chunks, 4·rank quads, quads]
@group(0) @binding(7) var<storage, read_write> carry: array<vec4<f32>>; // Z̄, [batch, 4·rank quads, quads]
@group(0) @binding(8) var<storage, read_write> lost: array<vec4<f32>>; // what the roundings of `carry` have lost so far, laid out as `carry`

//#include operand
var<workgroup> y: array<vec4<f32>, CHUNK * TILE>; // Mᵀ Ō + K̃ Z̄, which B̄ replaces block after block; zero past the last row

// Solves for one quad of columns of a block, from row `end` − 1 up to row `top`, by substitution. `t` is where S begins.
fn substitute(t: u32, top: u32, end: u32, lane: u32) {
  for (var left = (end - top + 3u) / 4u; left > 0u; left--) {
    let i = top + 4u * (left - 1u);
    // The block's own sum starts at 0 and is kept apart: it meets what it is subtracted from last.
    var x#{q} = vec4<f32>(); //#for q in 0..4
    for (var v = i + 4u; v < end; v += 4u) {
      let a#{q} = coupling[t + (i + #{q}u) * QUADS + v / 4u]; //#for q in 0..4
      let b#{m} = y[(v + #{m}u) * TILE + lane]; //#for m in 0..4
      x#{q} += #{terms(4, (m) => `a${q}.${lane(m)} * b${m}`)}; //#for q in 0..4
    }
    // A row past the end repeats the last one, whose product with itself is no part of S and may be infinite: select leaves it out.
    let below = vec4<u32>(i, i + 1u, i + 2u, i + 3u) < vec4<u32>(end);
    //#for q in 3, 2, 1, 0
    let c#{q} = select(vec4<f32>(), coupling[t + (i + #{q}u) * QUADS + i / 4u], below);
    let own#{q} = #{q < 3 ? terms(3 - q, (m) => `c${q}.${lane(q + 1 + m)} * x${q + 1 + m}`) : "vec4<f32>()"};
    x#{q} = y[(i + #{q}u) * TILE + lane] - (x#{q} + own#{q});
    y[(i + #{q}u) * TILE + lane] = x#{q};
    //#end
  }
}

// Z̄ ← factor · Z̄ + added − sum for four elements of row k. It is compensated, and what is lost decays, as in parts/scan-state.wgsl.
fn update_state(at: u32, kept: u32, factor: u32, k: u32, sum: vec4<f32>) {
  var before = carry[at];
  let added = z[kept] - sum;
  var term = added + lost[at];
  z[kept] = before;
  if (params.decay != 0u) {
    let width = select(1u, 4u * ((params.rank + 3u) / 4u), params.decay == 2u);
    let own = factor + select(0u, k, params.decay == 2u);
    term = added + factors[own + width] * before + factors[own] * lost[at];
    before *= factors[own];
  }
  let after = before + term;
  carry[at] = after;
  lost[at] = term - (after - before);
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let rank_quads = (params.rank + 3u) / 4u;
  let tiles = (quads + TILE - 1u) / TILE;
  let tile = index % tiles;
  let batch = index / tiles;
  let size = 4u * rank_quads * quads;
  let lane = thread % TILE;
  let worker = thread / TILE;
  let quad = tile * TILE + lane;
  let f_start = start(params.f, batch);
  let g_start = start(params.g, batch);
  let bar_start = start(params.bar, batch) + quad;
  let z_at = batch * size;
  let i = 8u * worker; // the first of this thread's rows

  for (var next = params.chunks; next > 0u; next--) {
    let chunk = next - 1u;
    let first = chunk * CHUNK;
    let rows = min(CHUNK, params.rows - first);
    let bar_at = bar_start + first * params.bar.row;
    let to = i * TILE + lane;
    if (i < rows && quad < quads) {
      //#for i in 0..8
      let row#{i} = min(i + #{i}u, rows - 1u);
      let f#{i} = f_start + (first + row#{i}) * params.f.row;
      var y#{i} = vec4<f32>();
      //#end
      var at_z = z_at + quad;
      var m = 0u;
      while (m < rank_quads) {
        var own#{i} = vec4<f32>(); //#for i in 0..8
        for (let end = min(m + CUT / 4u, rank_quads); m < end; m++) {
          let z#{j} = carry[at_z + #{j}u * quads]; //#for j in 0..4
          let a#{i} = f[f#{i} + m]; //#for i in 0..8
          own#{i} += #{terms(4, (j) => `a${i}.${lane(j)} * z${j}`)}; //#for i in 0..8
          at_z += 4u * quads;
        }
        y#{i} += own#{i}; //#for i in 0..8
      }
      y#{i} += bar[bar_at + row#{i} * params.bar.row]; //#for i in 0..8
      y[to + #{i}u * TILE] = select(vec4<f32>(), y#{i}, vec4<bool>(i + #{i}u < rows)); //#for i in 0..8
    }
    workgroupBarrier();

    let t = (batch * params.chunks + chunk) * CHUNK * QUADS; // column w of S begins at t + w·QUADS
    for (var left = (rows + BLOCK - 1u) / BLOCK; left > 0u; left--) {
      let top = BLOCK * (left - 1u);
      let end = min(top + BLOCK, rows);
      if (worker == 0u && quad < quads) {
        substitute(t, top, end, lane);
      }
      workgroupBarrier();
      if (quad < quads) {
        for (var row = top + worker; row < end; row += THREADS / TILE) {
          bar[bar_at + row * params.bar.row] = y[row * TILE + lane];
        }
      }
      if (top > 0u) {
        if (i < top && quad < quads) {
          var y#{i} = vec4<f32>(); //#for i in 0..8
          for (var v = top; v < end; v += 4u) {
            let a#{i} = coupling[t + (i + #{i}u) * QUADS + v / 4u]; //#for i in 0..8
            let b#{m} = y[(v + #{m}u) * TILE + lane]; //#for m in 0..4
            y#{i} += #{terms(4, (m) => `a${i}.${lane(m)} * b${m}`)}; //#for i in 0..8
          }
          y[to + #{i}u * TILE] -= y#{i}; //#for i in 0..8
        }
        workgroupBarrier();
      }
    }

    let g_at = g_start + first * params.g.row;
    let factor = 2u * (batch * params.chunks + chunk) * select(1u, 4u * rank_quads, params.decay == 2u);
    let kept = (batch * params.chunks + chunk) * size;
    for (var k = 8u * worker; k < params.rank; k += 8u * (THREADS / TILE)) {
      if (quad < quads) {
        var z#{j} = vec4<f32>(); //#for j in 0..8
        var next_g = g_at + k / 4u;
        var row = 0u;
        while (row < rows) {
          var own#{j} = vec4<f32>(); //#for j in 0..8
          // Two rows go at a time, so that the sums are stored half as often. Where the last row has no neighbour, zeros take its place.
          for (let end = min(row + BLOCK, rows); row < end; row += 2u) {
            let more = vec4<bool>(row + 1u < rows);
            let a0 = g[next_g];
            let b0 = g[next_g + 1u];
            let a1 = select(vec4<f32>(), g[next_g + params.g.row], more);
            let b1 = select(vec4<f32>(), g[next_g + params.g.row + 1u], more);
            next_g += 2u * params.g.row;
            let v0 = y[row * TILE + lane];
            let v1 = select(vec4<f32>(), y[(row + 1u) * TILE + lane], more);
            own#{j} += #{terms(2, (m) => `${j < 4 ? "a" : "b"}${m}.${lane(j)} * v${m}`)}; //#for j in 0..8
          }
          z#{j} += own#{j}; //#for j in 0..8
        }
        //#for j in 0..8
        if (params.rank > k + #{j}u) {
          let own = (k + #{j}u) * quads + quad;
          update_state(z_at + own, kept + own, factor, k + #{j}u, z#{j});
        }
        //#end
      }
    }
    storageBarrier();
    workgroupBarrier();
  }
}
