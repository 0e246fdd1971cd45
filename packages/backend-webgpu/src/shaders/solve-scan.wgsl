// The state scan: for the chunks of one group in turn, Y_c = T_cc⁻¹ (B_c − F_c Z), Z += G_cᵀ Y_c.
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
override START: u32 = 0; // Z at the start: 0 as found, 1 zero but for the first group's, 2 identity
override USE_B: bool = true; // else B = 0
override WRITE_Y: bool = true;
override INVERSE: bool = false;

override QUADS: u32 = CHUNK / 4u;
const BLOCK = 16u;

struct Params {
  f: vec4<u32>, // in quads: index of the first row visited, batch stride, row stride (modulo 2³²), –
  g: vec4<u32>,
  b: vec4<u32>,
  out: vec4<u32>,
  diag: vec4<u32>, // in elements
  rows: u32,
  rank: u32,
  quads: u32, // of columns
  chunks: u32, // of all groups
  group_chunks: u32,
  groups: u32,
  first_chunk: u32, // inverse: chunks above this segment
  total: u32, // workgroups asked for
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tcc: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> diag: array<f32>;
@group(0) @binding(3) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> z: array<vec4<f32>>; // [batch, groups, 4·rank quads, quads]
@group(0) @binding(7) var<storage, read_write> lost: array<vec4<f32>>; // by Z's roundings, as z; zero at the start
@group(0) @binding(8) var<storage, read_write> out: array<vec4<f32>>;

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
  return b[at + row * params.b.z + quad];
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
    var x0 = y[i * TILE + lane];
    var x1 = y[(i + 1u) * TILE + lane];
    var x2 = y[(i + 2u) * TILE + lane];
    var x3 = y[(i + 3u) * TILE + lane];
    for (var j = top; j < i; j++) {
      let a = tcc[t + j * QUADS + i / 4u];
      let v = y[j * TILE + lane];
      x0 -= a.x * v;
      x1 -= a.y * v;
      x2 -= a.z * v;
      x3 -= a.w * v;
    }
    // rows past the end repeat the last λ; they are not kept
    let a0 = tcc[t + i * QUADS + i / 4u];
    let a1 = tcc[t + (i + 1u) * QUADS + i / 4u];
    let a2 = tcc[t + (i + 2u) * QUADS + i / 4u];
    x0 = below(columns, i, x0 / diag[d + i * params.diag.z]);
    x1 = below(columns, i + 1u, (x1 - a0.y * x0) / diag[d + min(i + 1u, last) * params.diag.z]);
    x2 = below(columns, i + 2u, (x2 - a0.z * x0 - a1.z * x1) / diag[d + min(i + 2u, last) * params.diag.z]);
    x3 = below(columns, i + 3u, (x3 - a0.w * x0 - a1.w * x1 - a2.w * x2) / diag[d + min(i + 3u, last) * params.diag.z]);
    y[i * TILE + lane] = x0;
    y[(i + 1u) * TILE + lane] = x1;
    y[(i + 2u) * TILE + lane] = x2;
    y[(i + 3u) * TILE + lane] = x3;
  }
}

// Z += sum. What the rounding loses goes into the next sum (Kahan): else it grows with n, and where all terms have
// one sign ω passed 400 ε at n = 65536.
fn keep(at: u32, sum: vec4<f32>) {
  let before = z[at];
  let term = sum + lost[at];
  let after = before + term;
  z[at] = after;
  lost[at] = term - (after - before);
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
  let z_at = (batch * params.groups + which) * 4u * rank_quads * quads;
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
  let out_at = params.out.x + batch * params.out.y + quad;
  var chunk = which * params.group_chunks;
  let last = min(chunk + params.group_chunks, params.chunks);
  let panel = tile * TILE * 4u / CHUNK;
  if (INVERSE) {
    // above its panel the inverse is zero
    let above = min(panel - min(panel, params.first_chunk), last);
    for (var row = thread / LANES; row < min(above * CHUNK, params.rows); row += THREADS / LANES) {
      if (quad < quads) {
        out[out_at + row * params.out.z] = vec4<f32>();
        if (both) {
          out[out_at + row * params.out.z + 1u] = vec4<f32>();
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
      let step = min(vec4<u32>(i, i + 1u, i + 2u, i + 3u), vec4<u32>(rows - 1u));
      let step2 = min(vec4<u32>(i + 4u, i + 5u, i + 6u, i + 7u), vec4<u32>(rows - 1u));
      var y0 = vec4<f32>();
      var y1 = vec4<f32>();
      var y2 = vec4<f32>();
      var y3 = vec4<f32>();
      var y4 = vec4<f32>();
      var y5 = vec4<f32>();
      var y6 = vec4<f32>();
      var y7 = vec4<f32>();
      var v0 = vec4<f32>(); // the second quad
      var v1 = vec4<f32>();
      var v2 = vec4<f32>();
      var v3 = vec4<f32>();
      var v4 = vec4<f32>();
      var v5 = vec4<f32>();
      var v6 = vec4<f32>();
      var v7 = vec4<f32>();
      if (begins || (USE_B && !INVERSE)) {
        let b_at = params.b.x + batch * params.b.y + first * params.b.z;
        y0 = load_b(b_at, step.x, quad);
        y1 = load_b(b_at, step.y, quad);
        y2 = load_b(b_at, step.z, quad);
        y3 = load_b(b_at, step.w, quad);
        y4 = load_b(b_at, step2.x, quad);
        y5 = load_b(b_at, step2.y, quad);
        y6 = load_b(b_at, step2.z, quad);
        y7 = load_b(b_at, step2.w, quad);
        if (WIDE) {
          v0 = load_b(b_at, step.x, quad + 1u);
          v1 = load_b(b_at, step.y, quad + 1u);
          v2 = load_b(b_at, step.z, quad + 1u);
          v3 = load_b(b_at, step.w, quad + 1u);
          v4 = load_b(b_at, step2.x, quad + 1u);
          v5 = load_b(b_at, step2.y, quad + 1u);
          v6 = load_b(b_at, step2.z, quad + 1u);
          v7 = load_b(b_at, step2.w, quad + 1u);
        }
      }
      let f_at = vec4<u32>(params.f.x + batch * params.f.y) + (step + vec4<u32>(first)) * params.f.z;
      let f_at2 = vec4<u32>(params.f.x + batch * params.f.y) + (step2 + vec4<u32>(first)) * params.f.z;
      var next = z_at + quad;
      // where the inverse begins Z is zero, and an infinite F must not make it NaN
      for (var m = 0u; m < select(rank_quads, 0u, begins); m++) {
        let z0 = z[next];
        let z1 = z[next + quads];
        let z2 = z[next + 2u * quads];
        let z3 = z[next + 3u * quads];
        let a0 = f[f_at.x + m];
        let a1 = f[f_at.y + m];
        let a2 = f[f_at.z + m];
        let a3 = f[f_at.w + m];
        let a4 = f[f_at2.x + m];
        let a5 = f[f_at2.y + m];
        let a6 = f[f_at2.z + m];
        let a7 = f[f_at2.w + m];
        y0 -= a0.x * z0 + a0.y * z1 + a0.z * z2 + a0.w * z3;
        y1 -= a1.x * z0 + a1.y * z1 + a1.z * z2 + a1.w * z3;
        y2 -= a2.x * z0 + a2.y * z1 + a2.z * z2 + a2.w * z3;
        y3 -= a3.x * z0 + a3.y * z1 + a3.z * z2 + a3.w * z3;
        y4 -= a4.x * z0 + a4.y * z1 + a4.z * z2 + a4.w * z3;
        y5 -= a5.x * z0 + a5.y * z1 + a5.z * z2 + a5.w * z3;
        y6 -= a6.x * z0 + a6.y * z1 + a6.z * z2 + a6.w * z3;
        y7 -= a7.x * z0 + a7.y * z1 + a7.z * z2 + a7.w * z3;
        if (WIDE) {
          let s0 = z[next + 1u];
          let s1 = z[next + quads + 1u];
          let s2 = z[next + 2u * quads + 1u];
          let s3 = z[next + 3u * quads + 1u];
          v0 -= a0.x * s0 + a0.y * s1 + a0.z * s2 + a0.w * s3;
          v1 -= a1.x * s0 + a1.y * s1 + a1.z * s2 + a1.w * s3;
          v2 -= a2.x * s0 + a2.y * s1 + a2.z * s2 + a2.w * s3;
          v3 -= a3.x * s0 + a3.y * s1 + a3.z * s2 + a3.w * s3;
          v4 -= a4.x * s0 + a4.y * s1 + a4.z * s2 + a4.w * s3;
          v5 -= a5.x * s0 + a5.y * s1 + a5.z * s2 + a5.w * s3;
          v6 -= a6.x * s0 + a6.y * s1 + a6.z * s2 + a6.w * s3;
          v7 -= a7.x * s0 + a7.y * s1 + a7.z * s2 + a7.w * s3;
        }
        next += 4u * quads;
      }
      let to = i * TILE + lane;
      y[to] = y0;
      y[to + 1u * TILE] = y1;
      y[to + 2u * TILE] = y2;
      y[to + 3u * TILE] = y3;
      y[to + 4u * TILE] = y4;
      y[to + 5u * TILE] = y5;
      y[to + 6u * TILE] = y6;
      y[to + 7u * TILE] = y7;
      if (WIDE) {
        y[to + 0u * TILE + 1u] = v0;
        y[to + 1u * TILE + 1u] = v1;
        y[to + 2u * TILE + 1u] = v2;
        y[to + 3u * TILE + 1u] = v3;
        y[to + 4u * TILE + 1u] = v4;
        y[to + 5u * TILE + 1u] = v5;
        y[to + 6u * TILE + 1u] = v6;
        y[to + 7u * TILE + 1u] = v7;
      }
    }
    workgroupBarrier();

    let t = (batch * params.chunks + chunk) * CHUNK * QUADS; // column j of T_cc at t + j·QUADS
    let d_at = params.diag.x + batch * params.diag.y + first * params.diag.z;
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
          let at = out_at + (first + row) * params.out.z;
          out[at] = params.alpha * y[row * TILE + lane];
          if (both) {
            out[at + 1u] = params.alpha * y[row * TILE + lane + 1u];
          }
        }
      }
      if (top + BLOCK < rows) {
        if (i >= top + BLOCK && i < rows && quad < quads) {
          let to = i * TILE + lane;
          var y0 = y[to + 0u * TILE];
          var y1 = y[to + 1u * TILE];
          var y2 = y[to + 2u * TILE];
          var y3 = y[to + 3u * TILE];
          var y4 = y[to + 4u * TILE];
          var y5 = y[to + 5u * TILE];
          var y6 = y[to + 6u * TILE];
          var y7 = y[to + 7u * TILE];
          var v0 = vec4<f32>();
          var v1 = vec4<f32>();
          var v2 = vec4<f32>();
          var v3 = vec4<f32>();
          var v4 = vec4<f32>();
          var v5 = vec4<f32>();
          var v6 = vec4<f32>();
          var v7 = vec4<f32>();
          if (WIDE) {
            v0 = y[to + 0u * TILE + 1u];
            v1 = y[to + 1u * TILE + 1u];
            v2 = y[to + 2u * TILE + 1u];
            v3 = y[to + 3u * TILE + 1u];
            v4 = y[to + 4u * TILE + 1u];
            v5 = y[to + 5u * TILE + 1u];
            v6 = y[to + 6u * TILE + 1u];
            v7 = y[to + 7u * TILE + 1u];
          }
          var next = t + top * QUADS + i / 4u;
          for (var j = top; j < top + BLOCK; j += 2u) {
            let a = tcc[next];
            let b = tcc[next + 1u];
            let c = tcc[next + QUADS];
            let d = tcc[next + QUADS + 1u];
            next += 2u * QUADS;
            let p = y[j * TILE + lane];
            let q = y[(j + 1u) * TILE + lane];
            y0 -= a.x * p + c.x * q;
            y1 -= a.y * p + c.y * q;
            y2 -= a.z * p + c.z * q;
            y3 -= a.w * p + c.w * q;
            y4 -= b.x * p + d.x * q;
            y5 -= b.y * p + d.y * q;
            y6 -= b.z * p + d.z * q;
            y7 -= b.w * p + d.w * q;
            if (WIDE) {
              let p2 = y[j * TILE + lane + 1u];
              let q2 = y[(j + 1u) * TILE + lane + 1u];
              v0 -= a.x * p2 + c.x * q2;
              v1 -= a.y * p2 + c.y * q2;
              v2 -= a.z * p2 + c.z * q2;
              v3 -= a.w * p2 + c.w * q2;
              v4 -= b.x * p2 + d.x * q2;
              v5 -= b.y * p2 + d.y * q2;
              v6 -= b.z * p2 + d.z * q2;
              v7 -= b.w * p2 + d.w * q2;
            }
          }
          y[to] = y0;
          y[to + 1u * TILE] = y1;
          y[to + 2u * TILE] = y2;
          y[to + 3u * TILE] = y3;
          y[to + 4u * TILE] = y4;
          y[to + 5u * TILE] = y5;
          y[to + 6u * TILE] = y6;
          y[to + 7u * TILE] = y7;
          if (WIDE) {
            y[to + 0u * TILE + 1u] = v0;
            y[to + 1u * TILE + 1u] = v1;
            y[to + 2u * TILE + 1u] = v2;
            y[to + 3u * TILE + 1u] = v3;
            y[to + 4u * TILE + 1u] = v4;
            y[to + 5u * TILE + 1u] = v5;
            y[to + 6u * TILE + 1u] = v6;
            y[to + 7u * TILE + 1u] = v7;
          }
        }
        workgroupBarrier();
      }
    }

    let g_at = params.g.x + batch * params.g.y + first * params.g.z;
    for (var k = 8u * (thread / LANES); k < params.rank; k += 8u * (THREADS / LANES)) {
      if (quad < quads) {
        let at = z_at + k * quads + quad;
        var z0 = vec4<f32>();
        var z1 = vec4<f32>();
        var z2 = vec4<f32>();
        var z3 = vec4<f32>();
        var z4 = vec4<f32>();
        var z5 = vec4<f32>();
        var z6 = vec4<f32>();
        var z7 = vec4<f32>();
        var s0 = vec4<f32>(); // the second quad
        var s1 = vec4<f32>();
        var s2 = vec4<f32>();
        var s3 = vec4<f32>();
        var s4 = vec4<f32>();
        var s5 = vec4<f32>();
        var s6 = vec4<f32>();
        var s7 = vec4<f32>();
        var next = g_at + k / 4u;
        // two rows at a time: the sums are stored half as often. An odd row's neighbour counts as zero
        for (var row = 0u; row < rows; row += 2u) {
          let more = vec4<bool>(row + 1u < rows);
          let a = g[next];
          let b = g[next + 1u];
          let c = select(vec4<f32>(), g[next + params.g.z], more);
          let d = select(vec4<f32>(), g[next + params.g.z + 1u], more);
          next += 2u * params.g.z;
          let v = y[row * TILE + lane];
          let t = select(vec4<f32>(), y[(row + 1u) * TILE + lane], more);
          z0 += a.x * v + c.x * t;
          z1 += a.y * v + c.y * t;
          z2 += a.z * v + c.z * t;
          z3 += a.w * v + c.w * t;
          z4 += b.x * v + d.x * t;
          z5 += b.y * v + d.y * t;
          z6 += b.z * v + d.z * t;
          z7 += b.w * v + d.w * t;
          if (WIDE) {
            let v2 = y[row * TILE + lane + 1u];
            let t2 = select(vec4<f32>(), y[(row + 1u) * TILE + lane + 1u], more);
            s0 += a.x * v2 + c.x * t2;
            s1 += a.y * v2 + c.y * t2;
            s2 += a.z * v2 + c.z * t2;
            s3 += a.w * v2 + c.w * t2;
            s4 += b.x * v2 + d.x * t2;
            s5 += b.y * v2 + d.y * t2;
            s6 += b.z * v2 + d.z * t2;
            s7 += b.w * v2 + d.w * t2;
          }
        }
        // what lies past row `rank` is not kept: the padding stays zero
        let left = params.rank - k;
        keep(at, z0);
        if (left > 1u) {
          keep(at + 1u * quads, z1);
        }
        if (left > 2u) {
          keep(at + 2u * quads, z2);
        }
        if (left > 3u) {
          keep(at + 3u * quads, z3);
        }
        if (left > 4u) {
          keep(at + 4u * quads, z4);
        }
        if (left > 5u) {
          keep(at + 5u * quads, z5);
        }
        if (left > 6u) {
          keep(at + 6u * quads, z6);
        }
        if (left > 7u) {
          keep(at + 7u * quads, z7);
        }
        if (both) {
          keep(at + 1u, s0);
          if (left > 1u) {
            keep(at + 1u * quads + 1u, s1);
          }
          if (left > 2u) {
            keep(at + 2u * quads + 1u, s2);
          }
          if (left > 3u) {
            keep(at + 3u * quads + 1u, s3);
          }
          if (left > 4u) {
            keep(at + 4u * quads + 1u, s4);
          }
          if (left > 5u) {
            keep(at + 5u * quads + 1u, s5);
          }
          if (left > 6u) {
            keep(at + 6u * quads + 1u, s6);
          }
          if (left > 7u) {
            keep(at + 7u * quads + 1u, s7);
          }
        }
      }
    }
    storageBarrier();
    workgroupBarrier();
  }
}
