// The state scan: for the chunks of one group in turn, Y_c = T_cc⁻¹ (B_c − F_c Z), Z += G_cᵀ Y_c.
// Where there is decay, F is f_read, G is g_kept of decay-rows, and Z decays before the sum is added to it.
// T_cc⁻¹ is applied by substitution: 16-row blocks below each other by all threads, inside a block one thread per quad of
// columns. Where T⁻¹ grows, shorter ways cancel: Y = U − W Z with U = T_cc⁻¹ B_c and W = T_cc⁻¹ F_c formed beforehand was
// seen to reach ω = 2455 ε (C = 64), multiplying by the inverses of the 16×16 blocks 18 ε.
// One workgroup per (batch entry, group of chunks, tile of columns); groups > 1 is the parallel scan.
// It also walks the column panels of the inverse, where B is I in the panel's first chunk and 0 below.
// A thread holds eight rows by one quad of columns, or by two. Arrays are in quads of columns, zero where padded.

override CHUNK: u32 = 64;
override TILE: u32 = 8; // quads of columns per workgroup
override WIDE: bool = false; // two quads a thread
override THREADS: u32 = 64; // LANES × max(CHUNK / 8, 4)
override LANES: u32 = 8; // TILE, half of it if WIDE
override START: u32 = 0; // Z at the start: 0 as found, 1 as found in the first group and zero in the others, 2 identity
override USE_B: bool = true; // else B = 0
override WRITE_Y: bool = true;
override INVERSE: bool = false;
override DECAY: u32 = 0; // 0: none; 1: Z decays by one factor a chunk; 2: by one a chunk and row of Z

override QUADS: u32 = CHUNK / 4u;
const BLOCK = 16u;
const CUT = 32u;

struct Params {
  f: Operand, // in quads
  g: Operand,
  b: Operand,
  out: Operand,
  diag: Operand, // in elements
  rows: u32,
  rank: u32,
  quads: u32, // of columns
  chunks: u32, // of all groups
  group_chunks: u32,
  groups: u32,
  first_chunk: u32, // inverse: chunks above this segment
  total: u32, // workgroups asked for
  alpha: f32,
  unit: u32, // 1: λ = 1
  keep: u32, // 1: the state before every chunk is kept
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> diag: array<f32>; // where there is decay, behind its factors: [batch, chunks, 2, 4·rank quads or 1]
@group(0) @binding(3) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> z: array<vec4<f32>>; // [batch, groups, 4·rank quads, quads]; if kept [batch, chunks + 1, …], the first state given
@group(0) @binding(7) var<storage, read_write> lost: array<vec4<f32>>; // by Z's roundings so far, as z
@group(0) @binding(8) var<storage, read_write> out: array<vec4<f32>>;

//#include operand
var<workgroup> y: array<vec4<f32>, CHUNK * TILE>; // B − F Z, block after block replaced by Y

fn start_state(z_at: u32, tile: u32, thread: u32) {
  let rank4 = 4u * ((params.rank + 3u) / 4u);
  for (var slot = thread; slot < rank4 * TILE; slot += THREADS) {
    let row = slot / TILE;
    let quad = tile * TILE + slot % TILE;
    if (quad < params.quads) {
      let one = START == 2u && quad == row / 4u;
      let unit = vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(row % 4u);
      z[z_at + row * params.quads + quad] = select(vec4<f32>(), vec4<f32>(1.0), unit & vec4<bool>(one));
    }
  }
}

// B at a row of the chunk
fn load_b(at: u32, row: u32, quad: u32) -> vec4<f32> {
  if (INVERSE) {
    let column = (4u * quad) % CHUNK;
    return select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(column, column + 1u, column + 2u, column + 3u) == vec4<u32>(row));
  }
  return b[at + row * params.b.row + quad];
}

// The inverse is zero above the diagonal.
fn below(columns: vec4<u32>, row: u32, value: vec4<f32>) -> vec4<f32> {
  if (INVERSE) {
    return select(value, vec4<f32>(), columns > vec4<u32>(row));
  }
  return value;
}

// One quad of columns of a block of T_cc from row `top` to `end`, by substitution; `t` is T_cc, `d` the chunk's first λ,
// and `columns` what lies above the diagonal: there nothing but zero may come out, whatever T_cc holds.
fn substitute(t: u32, d: u32, top: u32, end: u32, lane: u32, columns: vec4<u32>) {
  let last = end - 1u;
  for (var i = top; i < end; i += 4u) {
    // the block's own sum apart: it starts at 0 and meets B − F Z last
    var x#{q} = vec4<f32>(); //#for q in 0..4
    for (var j = top; j < i; j += 4u) {
      let a#{m} = coupling[t + (j + #{m}u) * QUADS + i / 4u]; //#for m in 0..4
      let v#{m} = y[(j + #{m}u) * TILE + lane]; //#for m in 0..4
      x#{q} += #{terms(4, (m) => `a${m}.${lane(q)} * v${m}`)}; //#for q in 0..4
    }
    // rows past the end repeat the last λ; they are not kept
    //#for q in 0..4
    var d#{q} = 1.0;
    if (params.unit == 0u) {
      d#{q} = diag[d + min(i + #{q}u, last) * params.diag.row];
    }
    let own#{q} = #{q ? terms(q, (m) => `c${m}.${lane(q)} * x${m}`) : "vec4<f32>()"};
    x#{q} = below(columns, i + #{q}u, (y[(i + #{q}u) * TILE + lane] - (x#{q} + own#{q})) / d#{q});
    y[(i + #{q}u) * TILE + lane] = x#{q};
    let c#{q} = coupling[t + (i + #{q}u) * QUADS + i / 4u];
    //#end
  }
}

// Z ← factor · Z + sum for four elements of row k. What the rounding loses goes into the next sum (Kahan): else it grows with
// n, and where all terms have one sign ω passed 400 ε at n = 65536. A factor is a power of 2 plus a rest: the power
// times Z is exact, the rest times Z belongs to the sum. What is lost decays too, or it would outlive a reset.
fn update_state(at: u32, lost_at: u32, next: u32, factor: u32, k: u32, sum: vec4<f32>) {
  var before = z[at];
  var term = sum + lost[lost_at];
  if (DECAY != 0u) {
    let width = select(1u, 4u * ((params.rank + 3u) / 4u), DECAY == 2u);
    let own = factor + select(0u, k, DECAY == 2u);
    term = sum + diag[own + width] * before + diag[own] * lost[lost_at];
    before *= diag[own];
  }
  let after = before + term;
  z[at + next] = after;
  lost[lost_at] = term - (after - before);
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let rank_quads = (params.rank + 3u) / 4u;
  let tiles = (quads + TILE - 1u) / TILE;
  let tile = index % tiles;
  let which = (index / tiles) % params.groups;
  let batch = index / tiles / params.groups;
  let size = 4u * rank_quads * quads;
  let lost_at = (batch * params.groups + which) * size;
  let next_state = select(0u, size, params.keep == 1u);
  var z_at = lost_at;
  if (params.keep == 1u) {
    z_at = batch * (params.chunks + 1u) * size;
  }
  if (START == 2u && which == 0u) {
    return; // the first group's map is never applied
  }
  if (START == 2u || (START == 1u && which != 0u)) {
    start_state(z_at, tile, thread);
    storageBarrier();
    workgroupBarrier();
  }

  let lane = select(1u, 2u, WIDE) * (thread % LANES);
  let worker = thread / LANES;
  let quad = tile * TILE + lane;
  let both = WIDE && quad + 1u < quads;
  let f_start = start(params.f, batch);
  let g_start = start(params.g, batch);
  let b_start = start(params.b, batch);
  let d_start = start(params.diag, batch);
  let out_at = start(params.out, batch) + quad;
  var chunk = which * params.group_chunks;
  let last = min(chunk + params.group_chunks, params.chunks);
  let panel = tile * TILE * 4u / CHUNK;
  if (INVERSE) {
    // above its panel the inverse is zero
    let above = min(panel - min(panel, params.first_chunk), last);
    for (var row = thread / LANES; row < min(above * CHUNK, params.rows); row += THREADS / LANES) {
      if (quad < quads) {
        out[out_at + row * params.out.row] = vec4<f32>();
        if (both) {
          out[out_at + row * params.out.row + 1u] = vec4<f32>();
        }
      }
    }
    chunk = above;
  }
  for (; chunk < last; chunk++) {
    let first = chunk * CHUNK;
    let rows = min(CHUNK, params.rows - first);
    let begins = INVERSE && panel == params.first_chunk + chunk;
    let i = 8u * worker; // this thread's rows
    if (i < rows && quad < quads) {
      // rows past the end repeat the last one; they are not kept
      //#for i in 0..8
      let row#{i} = min(i + #{i}u, rows - 1u);
      let f#{i} = f_start + (first + row#{i}) * params.f.row;
      var y#{q}_#{i} = vec4<f32>(); //#for q in 0..2
      //#end
      var at_z = z_at + quad;
      var m = 0u;
      // where the inverse begins Z is zero, and an infinite F must not make it NaN
      let depth = select(rank_quads, 0u, begins);
      while (m < depth) {
        //#for q in 0..2
        var own#{q}_#{i} = vec4<f32>(); //#for i in 0..8
        //#end
        for (let end = min(m + CUT / 4u, depth); m < end; m++) {
          let a#{i} = f[f#{i} + m]; //#for i in 0..8
          //#for q in 0..2
          if (#{q ? "WIDE" : "true"}) {
            let z#{j} = z[at_z + #{j}u * quads + #{q}u]; //#for j in 0..4
            own#{q}_#{i} += #{terms(4, (j) => `a${i}.${lane(j)} * z${j}`)}; //#for i in 0..8
          }
          //#end
          at_z += 4u * quads;
        }
        //#for q in 0..2
        if (#{q ? "WIDE" : "true"}) {
          y#{q}_#{i} += own#{q}_#{i}; //#for i in 0..8
        }
        //#end
      }
      let to = i * TILE + lane;
      let b_at = b_start + first * params.b.row;
      let given = begins || (USE_B && !INVERSE); // else B is zero here
      //#for q in 0..2
      if (#{q ? "WIDE" : "true"}) {
        if (given) {
          y[to + #{i}u * TILE + #{q}u] = load_b(b_at, row#{i}, quad + #{q}u) - y#{q}_#{i}; //#for i in 0..8
        } else {
          y[to + #{i}u * TILE + #{q}u] = -y#{q}_#{i}; //#for i in 0..8
        }
      }
      //#end
    }
    workgroupBarrier();

    let t = (batch * params.chunks + chunk) * CHUNK * QUADS; // column j of T_cc at t + j·QUADS
    let d_at = d_start + first * params.diag.row;
    for (var top = 0u; top < rows; top += BLOCK) {
      let end = min(top + BLOCK, rows);
      // the second quads of a WIDE tile go to the second worker
      let column = tile * TILE + select(thread, 2u * (thread % LANES) + worker, WIDE);
      if (worker < select(1u, 2u, WIDE) && column < quads) {
        let columns = select(vec4<u32>(), vec4<u32>(4u * column % CHUNK) + vec4<u32>(0u, 1u, 2u, 3u), begins);
        substitute(t, d_at, top, end, column - tile * TILE, columns);
      }
      workgroupBarrier();
      if (WRITE_Y && quad < quads) {
        for (var row = top + worker; row < end; row += THREADS / LANES) {
          let at = out_at + (first + row) * params.out.row;
          out[at] = params.alpha * y[row * TILE + lane];
          if (both) {
            out[at + 1u] = params.alpha * y[row * TILE + lane + 1u];
          }
        }
      }
      if (top + BLOCK < rows) {
        if (i >= top + BLOCK && i < rows && quad < quads) {
          let to = i * TILE + lane;
          //#for q in 0..2
          var y#{q}_#{i} = vec4<f32>(); //#for i in 0..8
          //#end
          var next = t + top * QUADS + i / 4u;
          for (var j = top; j < top + BLOCK; j += 2u) {
            let a#{m} = coupling[next + #{m}u * QUADS]; //#for m in 0..2
            let b#{m} = coupling[next + #{m}u * QUADS + 1u]; //#for m in 0..2
            next += 2u * QUADS;
            //#for q in 0..2
            if (#{q ? "WIDE" : "true"}) {
              let v#{m} = y[(j + #{m}u) * TILE + lane + #{q}u]; //#for m in 0..2
              y#{q}_#{i} += #{terms(2, (m) => `${i < 4 ? "a" : "b"}${m}.${lane(i)} * v${m}`)}; //#for i in 0..8
            }
            //#end
          }
          //#for q in 0..2
          if (#{q ? "WIDE" : "true"}) {
            y[to + #{i}u * TILE + #{q}u] -= y#{q}_#{i}; //#for i in 0..8
          }
          //#end
        }
        workgroupBarrier();
      }
    }

    let g_at = g_start + first * params.g.row;
    let factor = 2u * (batch * params.chunks + chunk) * select(1u, 4u * rank_quads, DECAY == 2u);
    for (var k = 8u * (thread / LANES); k < params.rank; k += 8u * (THREADS / LANES)) {
      if (quad < quads) {
        let at = k * quads + quad;
        //#for q in 0..2
        var z#{q}_#{j} = vec4<f32>(); //#for j in 0..8
        //#end
        var next = g_at + k / 4u;
        var row = 0u;
        while (row < rows) {
          //#for q in 0..2
          var own#{q}_#{j} = vec4<f32>(); //#for j in 0..8
          //#end
          // two rows at a time: the sums are stored half as often. An odd row's neighbour counts as zero
          for (let end = min(row + BLOCK, rows); row < end; row += 2u) {
            let more = vec4<bool>(row + 1u < rows);
            let a0 = g[next];
            let b0 = g[next + 1u];
            let a1 = select(vec4<f32>(), g[next + params.g.row], more);
            let b1 = select(vec4<f32>(), g[next + params.g.row + 1u], more);
            next += 2u * params.g.row;
            //#for q in 0..2
            if (#{q ? "WIDE" : "true"}) {
              let v0 = y[row * TILE + lane + #{q}u];
              let v1 = select(vec4<f32>(), y[(row + 1u) * TILE + lane + #{q}u], more);
              own#{q}_#{j} += #{terms(2, (m) => `${j < 4 ? "a" : "b"}${m}.${lane(j)} * v${m}`)}; //#for j in 0..8
            }
            //#end
          }
          //#for q in 0..2
          if (#{q ? "WIDE" : "true"}) {
            z#{q}_#{j} += own#{q}_#{j}; //#for j in 0..8
          }
          //#end
        }
        // what lies past row `rank` is not kept: the padding stays zero, or becomes it
        let left = params.rank - k;
        //#for q in 0..2
        if (#{q ? "both" : "true"}) {
          //#for j in 0..8
          if (left > #{j}u) {
            let own = at + #{j}u * quads + #{q}u;
            update_state(z_at + own, lost_at + own, next_state, factor, k + #{j}u, z#{q}_#{j});
          } else if (next_state > 0u && k + #{j}u < 4u * rank_quads) {
            z[z_at + size + at + #{j}u * quads + #{q}u] = vec4<f32>();
          }
          //#end
        }
        //#end
      }
    }
    z_at += next_state;
    storageBarrier();
    workgroupBarrier();
  }
}
