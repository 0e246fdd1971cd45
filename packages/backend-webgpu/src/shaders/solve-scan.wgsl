// The state scan: for the chunks of one group in turn, Y_c = U_c − W_c Z, Z += G_cᵀ Y_c.
// One workgroup per (batch entry, group of chunks, tile of columns); groups > 1 is the parallel scan.
// It also walks the column panels of the inverse, where U is T_cc⁻¹ in the panel's first chunk and 0 below.
// Padded arrays have columns in vec4 quads, their padding zero in W and U; rows are in the order visited.

override CHUNK: u32 = 64;
override TILE: u32 = 4; // quads of columns per workgroup
override THREADS: u32 = 64;
override START: u32 = 0; // Z at the start: 0 as found, 1 zero but for the first group's, 2 identity
override USE_U: bool = true; // else U = 0
override WRITE_Y: bool = true;
override INVERSE: bool = false;
override REPAIR: u32 = 0; // 1: skip batch entries whose flag is set, 2: skip the others

struct Params {
  g: vec4<u32>, // index of the first row visited, batch stride, row stride (modulo 2³²), –
  out: vec4<u32>,
  rows: u32,
  rank: u32,
  cols: u32,
  chunks: u32, // of all groups
  group_chunks: u32,
  groups: u32,
  group_stride: u32, // matrices Z kept per batch entry
  first_chunk: u32, // inverse: chunks above this segment
  total: u32, // workgroups asked for
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [batch, rows, rank quads]
@group(0) @binding(2) var<storage, read> u: array<vec4<f32>>; // [batch, rows, column quads]; inverse: [batch, rows, CHUNK / 4]
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read> repair: array<u32>; // [batch]
@group(0) @binding(5) var<storage, read_write> z: array<vec4<f32>>; // [batch, groups, 4·rank quads, column quads]
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

var<workgroup> y: array<vec4<f32>, CHUNK * TILE>;

fn start_state(z_at: u32, quads: u32, tile: u32, thread: u32) {
  let rank4 = 4u * ((params.rank + 3u) / 4u);
  for (var slot = thread; slot < rank4 * TILE; slot += THREADS) {
    let row = slot / TILE;
    let quad = tile * TILE + slot % TILE;
    if (quad < quads) {
      var value = vec4<f32>();
      if (START == 2u) {
        value = select(value, vec4<f32>(1.0), 4u * vec4<u32>(quad) + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(row));
      }
      z[z_at + row * quads + quad] = value;
    }
  }
}

fn store(at: u32, row: u32, quad: u32, value: vec4<f32>) {
  let column = 4u * quad;
  var v = params.alpha * value;
  if (INVERSE) {
    let above = vec4<u32>(column, column + 1u, column + 2u, column + 3u) > vec4<u32>(params.first_chunk * CHUNK + row);
    v = select(v, vec4<f32>(), above);
  }
  let to = at + row * params.out.z + column;
  out[to] = v.x;
  if (column + 1u < params.cols) {
    out[to + 1u] = v.y;
  }
  if (column + 2u < params.cols) {
    out[to + 2u] = v.z;
  }
  if (column + 3u < params.cols) {
    out[to + 3u] = v.w;
  }
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
  let quads = (params.cols + 3u) / 4u;
  let rank_quads = (params.rank + 3u) / 4u;
  let tiles = (quads + TILE - 1u) / TILE;
  let tile = index % tiles;
  let which = (index / tiles) % params.groups;
  let batch = index / tiles / params.groups;
  if (REPAIR != 0u && (repair[batch] != 0u) == (REPAIR == 1u)) {
    return;
  }
  let z_at = (batch * params.group_stride + which) * 4u * rank_quads * quads;
  if (START == 2u && which == 0u) {
    return; // the first group's map is never applied
  }
  if (START == 2u || (START == 1u && which != 0u)) {
    start_state(z_at, quads, tile, thread);
    storageBarrier();
    workgroupBarrier();
  }

  let lane = thread % TILE;
  let quad = tile * TILE + lane;
  let out_at = params.out.x + batch * params.out.y;
  var chunk = which * params.group_chunks;
  let last = min(chunk + params.group_chunks, params.chunks);
  if (INVERSE) {
    // above its panel the inverse is zero
    let panel = tile * TILE * 4u / CHUNK;
    let above = min(panel - min(panel, params.first_chunk), last);
    for (var row = thread / TILE; row < min(above * CHUNK, params.rows); row += THREADS / TILE) {
      if (quad < quads) {
        store(out_at, row, quad, vec4<f32>());
      }
    }
    chunk = above;
  }
  for (; chunk < last; chunk++) {
    let first = chunk * CHUNK;
    let rows = min(CHUNK, params.rows - first);
    for (var i = 4u * (thread / TILE); i < rows; i += 4u * (THREADS / TILE)) {
      if (quad < quads) {
        // rows past the end repeat the last one; they are not kept
        let step = min(vec4<u32>(i, i + 1u, i + 2u, i + 3u), vec4<u32>(rows - 1u)) + vec4<u32>(batch * params.rows + first);
        var y0 = vec4<f32>();
        var y1 = vec4<f32>();
        var y2 = vec4<f32>();
        var y3 = vec4<f32>();
        if (INVERSE) {
          let panel = 4u * quad / CHUNK;
          if (panel == params.first_chunk + chunk) {
            let u_at = step * (CHUNK / 4u) + vec4<u32>(quad - panel * (CHUNK / 4u));
            y0 = u[u_at.x];
            y1 = u[u_at.y];
            y2 = u[u_at.z];
            y3 = u[u_at.w];
          }
        } else if (USE_U) {
          let u_at = step * quads + vec4<u32>(quad);
          y0 = u[u_at.x];
          y1 = u[u_at.y];
          y2 = u[u_at.z];
          y3 = u[u_at.w];
        }
        let w_at = step * rank_quads;
        var next = z_at + quad;
        for (var m = 0u; m < rank_quads; m++) {
          let z0 = z[next];
          let z1 = z[next + quads];
          let z2 = z[next + 2u * quads];
          let z3 = z[next + 3u * quads];
          next += 4u * quads;
          let a0 = w[w_at.x + m];
          let a1 = w[w_at.y + m];
          let a2 = w[w_at.z + m];
          let a3 = w[w_at.w + m];
          y0 -= a0.x * z0 + a0.y * z1 + a0.z * z2 + a0.w * z3;
          y1 -= a1.x * z0 + a1.y * z1 + a1.z * z2 + a1.w * z3;
          y2 -= a2.x * z0 + a2.y * z1 + a2.z * z2 + a2.w * z3;
          y3 -= a3.x * z0 + a3.y * z1 + a3.z * z2 + a3.w * z3;
        }
        y[i * TILE + lane] = y0;
        y[(i + 1u) * TILE + lane] = y1;
        y[(i + 2u) * TILE + lane] = y2;
        y[(i + 3u) * TILE + lane] = y3;
        if (WRITE_Y) {
          for (var row = i; row < min(i + 4u, rows); row++) {
            store(out_at, first + row, quad, y[row * TILE + lane]);
          }
        }
      }
    }
    workgroupBarrier();
    let g_at = params.g.x + batch * params.g.y + first * params.g.z;
    for (var k = 4u * (thread / TILE); k < params.rank; k += 4u * (THREADS / TILE)) {
      if (quad < quads) {
        let to = z_at + k * quads + quad;
        var z0 = z[to];
        var z1 = z[to + quads];
        var z2 = z[to + 2u * quads];
        var z3 = z[to + 3u * quads];
        var next = g_at + k;
        for (var i = 0u; i < rows; i++) {
          let v = y[i * TILE + lane];
          z0 += g[next] * v;
          z1 += g[next + 1u] * v;
          z2 += g[next + 2u] * v;
          z3 += g[next + 3u] * v;
          next += params.g.z;
        }
        // the padding below row `rank` stays zero
        z[to] = z0;
        if (k + 1u < params.rank) {
          z[to + quads] = z1;
        }
        if (k + 2u < params.rank) {
          z[to + 2u * quads] = z2;
        }
        if (k + 3u < params.rank) {
          z[to + 3u * quads] = z3;
        }
      }
    }
    storageBarrier();
    workgroupBarrier();
  }
}
