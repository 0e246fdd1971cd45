// The state scan: for the chunks of one group in turn, Y_c = U_c − W_c Z, Z += G_cᵀ Y_c.
// One workgroup per (batch entry, group of chunks, tile of columns); groups > 1 is the parallel scan.
// It also walks the column panels of the inverse, where U is T_cc⁻¹ in the panel's first chunk and 0 below.
// A thread holds eight rows by one quad of columns, or by two. Arrays are in quads of columns, zero where padded;
// rows are in the order visited.

override CHUNK: u32 = 64;
override TILE: u32 = 8; // quads of columns per workgroup
override WIDE: bool = false; // two quads a thread
override THREADS: u32 = 64; // CHUNK / 8 × TILE, half of it if WIDE
override LANES: u32 = THREADS / (CHUNK / 8u);
override START: u32 = 0; // Z at the start: 0 as found, 1 zero but for the first group's, 2 identity
override USE_U: bool = true; // else U = 0
override WRITE_Y: bool = true;
override INVERSE: bool = false;

struct Params {
  g: vec4<u32>, // in quads: index of the first row visited, batch stride, row stride (modulo 2³²), –
  out: vec4<u32>,
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
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [batch, rows, rank quads]
@group(0) @binding(2) var<storage, read> u: array<vec4<f32>>; // [batch, rows, quads]; inverse: [batch, rows, CHUNK / 4]
@group(0) @binding(3) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> z: array<vec4<f32>>; // [batch, groups, 4·rank quads, quads]
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

var<workgroup> y: array<vec4<f32>, CHUNK * TILE>;

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

// U at a row and quad. In the inverse it is zero above the diagonal, whatever is stored there.
fn load_u(batch: u32, row: u32, quad: u32) -> vec4<f32> {
  if (INVERSE) {
    let column = vec4<u32>(4u * quad) + vec4<u32>(0u, 1u, 2u, 3u);
    let above = column > vec4<u32>(params.first_chunk * CHUNK + row);
    return select(u[(batch * params.rows + row) * (CHUNK / 4u) + quad % (CHUNK / 4u)], vec4<f32>(), above);
  }
  return u[(batch * params.rows + row) * params.quads + quad];
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
    let i = 8u * (thread / LANES);
    if (i < rows && quad < quads) {
      // rows past the end repeat the last one; they are not kept
      let step = min(vec4<u32>(i, i + 1u, i + 2u, i + 3u), vec4<u32>(rows - 1u)) + vec4<u32>(first);
      let step2 = min(vec4<u32>(i + 4u, i + 5u, i + 6u, i + 7u), vec4<u32>(rows - 1u)) + vec4<u32>(first);
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
      if (begins || (USE_U && !INVERSE)) {
        y0 = load_u(batch, step.x, quad);
        y1 = load_u(batch, step.y, quad);
        y2 = load_u(batch, step.z, quad);
        y3 = load_u(batch, step.w, quad);
        y4 = load_u(batch, step2.x, quad);
        y5 = load_u(batch, step2.y, quad);
        y6 = load_u(batch, step2.z, quad);
        y7 = load_u(batch, step2.w, quad);
        if (WIDE) {
          v0 = load_u(batch, step.x, quad + 1u);
          v1 = load_u(batch, step.y, quad + 1u);
          v2 = load_u(batch, step.z, quad + 1u);
          v3 = load_u(batch, step.w, quad + 1u);
          v4 = load_u(batch, step2.x, quad + 1u);
          v5 = load_u(batch, step2.y, quad + 1u);
          v6 = load_u(batch, step2.z, quad + 1u);
          v7 = load_u(batch, step2.w, quad + 1u);
        }
      }
      let w_at = (step + vec4<u32>(batch * params.rows)) * rank_quads;
      let w_at2 = (step2 + vec4<u32>(batch * params.rows)) * rank_quads;
      var next = z_at + quad;
      // where the inverse begins Z is zero, and an infinite W must not make it NaN
      for (var m = 0u; m < select(rank_quads, 0u, begins); m++) {
        let z0 = z[next];
        let z1 = z[next + quads];
        let z2 = z[next + 2u * quads];
        let z3 = z[next + 3u * quads];
        let a0 = w[w_at.x + m];
        let a1 = w[w_at.y + m];
        let a2 = w[w_at.z + m];
        let a3 = w[w_at.w + m];
        let a4 = w[w_at2.x + m];
        let a5 = w[w_at2.y + m];
        let a6 = w[w_at2.z + m];
        let a7 = w[w_at2.w + m];
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
      if (WRITE_Y) {
        for (var row = i; row < min(i + 8u, rows); row++) {
          let at = out_at + (first + row) * params.out.z;
          out[at] = params.alpha * y[row * TILE + lane];
          if (both) {
            out[at + 1u] = params.alpha * y[row * TILE + lane + 1u];
          }
        }
      }
    }
    workgroupBarrier();
    let g_at = params.g.x + batch * params.g.y + first * params.g.z;
    for (var k = 8u * (thread / LANES); k < params.rank; k += 8u * (THREADS / LANES)) {
      if (quad < quads) {
        let at = z_at + k * quads + quad;
        // what lies past row `rank` is not kept: the padding stays zero
        var z0 = z[at + 0u * quads];
        var z1 = z[at + 1u * quads];
        var z2 = z[at + 2u * quads];
        var z3 = z[at + 3u * quads];
        var z4 = z[at + 4u * quads];
        var z5 = z[at + 5u * quads];
        var z6 = z[at + 6u * quads];
        var z7 = z[at + 7u * quads];
        var s0 = vec4<f32>();
        var s1 = vec4<f32>();
        var s2 = vec4<f32>();
        var s3 = vec4<f32>();
        var s4 = vec4<f32>();
        var s5 = vec4<f32>();
        var s6 = vec4<f32>();
        var s7 = vec4<f32>();
        if (WIDE) {
          s0 = z[at + 0u * quads + 1u];
          s1 = z[at + 1u * quads + 1u];
          s2 = z[at + 2u * quads + 1u];
          s3 = z[at + 3u * quads + 1u];
          s4 = z[at + 4u * quads + 1u];
          s5 = z[at + 5u * quads + 1u];
          s6 = z[at + 6u * quads + 1u];
          s7 = z[at + 7u * quads + 1u];
        }
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
        let left = params.rank - k;
        z[at] = z0;
        if (left > 1u) {
          z[at + 1u * quads] = z1;
        }
        if (left > 2u) {
          z[at + 2u * quads] = z2;
        }
        if (left > 3u) {
          z[at + 3u * quads] = z3;
        }
        if (left > 4u) {
          z[at + 4u * quads] = z4;
        }
        if (left > 5u) {
          z[at + 5u * quads] = z5;
        }
        if (left > 6u) {
          z[at + 6u * quads] = z6;
        }
        if (left > 7u) {
          z[at + 7u * quads] = z7;
        }
        if (both) {
          z[at + 1u] = s0;
          if (left > 1u) {
            z[at + 1u * quads + 1u] = s1;
          }
          if (left > 2u) {
            z[at + 2u * quads + 1u] = s2;
          }
          if (left > 3u) {
            z[at + 3u * quads + 1u] = s3;
          }
          if (left > 4u) {
            z[at + 4u * quads + 1u] = s4;
          }
          if (left > 5u) {
            z[at + 5u * quads + 1u] = s5;
          }
          if (left > 6u) {
            z[at + 6u * quads + 1u] = s6;
          }
          if (left > 7u) {
            z[at + 7u * quads + 1u] = s7;
          }
        }
      }
    }
    storageBarrier();
    workgroupBarrier();
  }
}
